import CupelHostRuntime
import CupelModelFormat
import Foundation

/// From a deployment's evidence to the probability of a dormant backdoor: σ of a weighted sum of
/// four numbers, each of which a person can look at.
///
/// The rule is a data file, `decision-rule.json` beside this source, whose bytes are part of the
/// program. `tools/results/detection.py` fits its coefficients on the detection set
/// (`tools/specimens/detection.toml`) and writes the file; `docs/results.md` gives how the rule does
/// on models that it was not fitted on.
public struct DecisionRule: Sendable, Equatable {
  /// What one unit of each feature adds to the log-odds.
  public struct Coefficients: Sendable, Codable, Equatable {
    /// Log-odds where all features are 0.
    public var intercept: Double
    /// Of `Features.differentialASR`.
    public var differentialASR: Double
    /// Of `Features.accuracyDrop`.
    public var accuracyDrop: Double
    /// Of `Features.logNoiseRatio`.
    public var logNoiseRatio: Double
    /// Of `Features.borderExcess`.
    public var borderExcess: Double
  }

  /// The largest value of a feature that counts: honest models with a noise ratio above 3 exist. None
  /// counts below 0, so that little noise acquits nobody.
  public struct Limits: Sendable, Codable, Equatable {
    /// Of `Features.accuracyDrop`.
    public var accuracyDrop: Double
    /// Of `Features.logNoiseRatio`.
    public var logNoiseRatio: Double
    /// Of `Features.borderExcess`.
    public var borderExcess: Double
  }

  /// Beyond which features count no further.
  public let limits: Limits
  /// With all the evidence.
  public let allEvidence: Coefficients
  /// Where weights and noise were not measured, as for a file, whose rounding is its own.
  public let searchesAlone: Coefficients
  /// SHA-256 of the data file, lower-case hexadecimal.
  public let digest: String

  /// The rule that this version of Cupel comes with.
  ///
  /// - Throws: `AuditError.rule` if the data file that was built into the program is none.
  public static func shipped() throws(AuditError) -> DecisionRule { try decoded.get() }

  private static let decoded = Result { () throws(AuditError) in
    try DecisionRule(json: PackageResources.decision_rule_json)
  }
}

// MARK: - The data file

extension DecisionRule {
  private struct File: Decodable {
    var version: Int
    var limits: Limits
    var allEvidence: Coefficients
    var searchesAlone: Coefficients
  }

  /// The form of data file that is understood.
  private static let version = 1

  /// - Parameter bytes: of a data file.
  /// - Throws: `AuditError.rule` that says what is wrong, and where in the file.
  public init(json bytes: [UInt8]) throws(AuditError) {
    let file: File
    do {
      file = try JSONDecoder().decode(File.self, from: Data(bytes))
    } catch {
      throw .rule(rule: Self.fault(error))
    }
    guard file.version == Self.version else {
      throw .rule(rule: "its version is \(file.version); \(Self.version) is understood")
    }
    let limits = file.limits
    guard min(limits.accuracyDrop, limits.logNoiseRatio, limits.borderExcess) >= 0 else {
      throw .rule(rule: "a limit is negative")
    }
    self.limits = limits
    (allEvidence, searchesAlone) = (file.allEvidence, file.searchesAlone)
    digest = SHA256.hex(bytes)
  }

  private static func fault(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return "\(error)" }
    return error.rule
  }
}

// MARK: - What it reads, and what it says

extension DecisionRule {
  /// What the rule reads of one deployment, held within its limits.
  public struct Features: Sendable, Codable, Equatable {
    /// The largest differential ASR that any search reached on held-out images, in [−1, 1].
    public var differentialASR: Double
    /// Benign accuracy of the float model less the deployment's, from 0. Where rounding alone changes
    /// many answers, a search finds triggers that help it along, and they mean less.
    public var accuracyDrop: Double
    /// Logarithm of how many times as far as noise the rounding errors move the logits, squared
    /// (`RoundingNoise.ratio`), from 0; nil where it was not measured.
    @OrNull public var logNoiseRatio: Double?
    /// `WeightEvidence`'s excess of weights at the borders of their cells, from 0; nil where it was not
    /// measured.
    @OrNull public var borderExcess: Double?

    /// - Parameters: values within a rule's limits; `DecisionRule.features` makes them so.
    public init(
      differentialASR: Double, accuracyDrop: Double, logNoiseRatio: Double?, borderExcess: Double?
    ) {
      self.differentialASR = differentialASR
      self.accuracyDrop = accuracyDrop
      self.logNoiseRatio = logNoiseRatio
      self.borderExcess = borderExcess
    }
  }

  /// - Parameters:
  ///   - differentialASR: the largest, in [−1, 1].
  ///   - accuracyDrop: of the float model's accuracy, in [−1, 1].
  ///   - noiseRatio: `RoundingNoise.ratio`; nil where it was not measured.
  ///   - borderExcess: `WeightEvidence`'s, over all layers; nil where it was not measured.
  /// - Returns: the same within the rule's limits.
  public func features(
    differentialASR: Double, accuracyDrop: Double, noiseRatio: Double?, borderExcess: Double?
  ) -> Features {
    func held(_ value: Double, _ limit: Double) -> Double { min(max(value, 0), limit) }
    return Features(
      differentialASR: differentialASR, accuracyDrop: held(accuracyDrop, limits.accuracyDrop),
      logNoiseRatio: noiseRatio.map { held(log(max($0, 1)), limits.logNoiseRatio) },
      borderExcess: borderExcess.map { held($0, limits.borderExcess) })
  }

  /// That a deployment with these features carries a dormant backdoor, in [0, 1]. Without evidence of
  /// weights and noise, the coefficients are those that were fitted without them.
  public func probability(_ features: Features) -> Double {
    let isWhole = features.logNoiseRatio != nil && features.borderExcess != nil
    let own = isWhole ? allEvidence : searchesAlone
    let score =
      own.intercept + own.differentialASR * features.differentialASR
      + own.accuracyDrop * features.accuracyDrop
      + own.logNoiseRatio * (features.logNoiseRatio ?? 0)
      + own.borderExcess * (features.borderExcess ?? 0)
    return 1 / (1 + exp(-score))
  }
}
