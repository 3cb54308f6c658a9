import Foundation

/// From a deployment's evidence to the probability of a dormant backdoor: σ of a weighted sum of
/// four numbers, each of which a person can look at.
///
/// The coefficients were fitted on the detection set (`tools/specimens/detection.toml`) by
/// `tools/results/detection.py`; `docs/results.md` gives how the rule does on models that it was not
/// fitted on.
public struct DecisionRule: Sendable, Equatable {
  /// What is known of one deployment.
  public struct Features: Sendable, Equatable, Codable {
    /// The largest differential ASR that any search reached on held-out images, in [−1, 1].
    public var differentialASR: Double
    /// Benign accuracy of the float model less the deployment's, in [−1, 1]. Where rounding alone changes
    /// many answers, a search finds triggers that help it along, and they mean less.
    public var accuracyDrop: Double
    /// How many times as far as noise the rounding errors move the logits, squared: `RoundingNoise`; 1
    /// where it was not measured.
    public var noiseRatio: Double
    /// `WeightEvidence`'s excess of weights at the borders of their cells; 0 where not measured.
    public var borderExcess: Double

    public init(
      differentialASR: Double, accuracyDrop: Double = 0, noiseRatio: Double = 1,
      borderExcess: Double = 0
    ) {
      self.differentialASR = differentialASR
      self.accuracyDrop = accuracyDrop
      self.noiseRatio = noiseRatio
      self.borderExcess = borderExcess
    }
  }

  public var intercept: Double
  public var differentialASR: Double
  /// Of `accuracyDrop`, held in 0…`dropLimit`.
  public var drop: Double
  /// Of the logarithm of `noiseRatio`, held in 0…`noiseLimit`: little noise acquits nobody.
  public var noise: Double
  /// Of `borderExcess`, held in 0…`borderLimit`.
  public var border: Double

  public init(
    intercept: Double, differentialASR: Double, drop: Double, noise: Double, border: Double
  ) {
    self.intercept = intercept
    self.differentialASR = differentialASR
    self.drop = drop
    self.noise = noise
    self.border = border
  }

  /// Evidence beyond what decides counts no further: honest models with a noise ratio above 3 exist.
  private static let dropLimit = 0.5
  private static let noiseLimit = 1.0
  private static let borderLimit = 1.0

  /// With all the evidence, and with the searches alone.
  public static let fitted = DecisionRule(
    intercept: -11.36, differentialASR: 13.29, drop: -3.18, noise: 5.59, border: 2.86)
  public static let withoutWeights = DecisionRule(
    intercept: -9.23, differentialASR: 16.14, drop: -6.08, noise: 0, border: 0)

  /// In [0, 1].
  public func probability(_ features: Features) -> Double {
    let ratio = min(max(log(max(features.noiseRatio, 1)), 0), Self.noiseLimit)
    let excess = min(max(features.borderExcess, 0), Self.borderLimit)
    let lost = min(max(features.accuracyDrop, 0), Self.dropLimit)
    let score =
      intercept + differentialASR * features.differentialASR + drop * lost + noise * ratio
      + border * excess
    return 1 / (1 + exp(-score))
  }
}
