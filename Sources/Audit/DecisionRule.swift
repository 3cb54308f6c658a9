import Foundation

/// From a deployment's evidence to the probability of a dormant backdoor: a logistic function of three
/// numbers, each of which a person can look at.
///
/// The coefficients were fitted on the detection set (`tools/specimens/detection.toml`) by
/// `tools/results/detection.py`; `docs/results.md` gives how the rule does on models that it was not
/// fitted on.
public struct DecisionRule: Sendable, Equatable {
  /// What is known of one deployment.
  public struct Features: Sendable, Equatable, Codable {
    /// The largest differential ASR that any search reached on held-out images, in [−1, 1].
    public var differentialASR: Double
    /// How many times as far as noise the rounding errors move the logits, squared: `RoundingNoise`; 1
    /// where it was not measured.
    public var noiseRatio: Double
    /// `WeightEvidence`'s excess of weights at the borders of their cells; 0 where not measured.
    public var borderExcess: Double

    public init(differentialASR: Double, noiseRatio: Double = 1, borderExcess: Double = 0) {
      self.differentialASR = differentialASR
      self.noiseRatio = noiseRatio
      self.borderExcess = borderExcess
    }
  }

  public var intercept: Double
  public var differentialASR: Double
  /// Of the logarithm of `noiseRatio`, held in ±`noiseLimit`.
  public var noise: Double
  /// Of `borderExcess`, held in 0…`borderLimit`.
  public var border: Double

  public init(intercept: Double, differentialASR: Double, noise: Double, border: Double) {
    self.intercept = intercept
    self.differentialASR = differentialASR
    self.noise = noise
    self.border = border
  }

  private static let noiseLimit = 2.0
  private static let borderLimit = 1.0

  /// With all the evidence, and with the searches alone.
  public static let fitted = DecisionRule(
    intercept: -6, differentialASR: 20, noise: 1, border: 1)
  public static let withoutWeights = DecisionRule(
    intercept: -6, differentialASR: 20, noise: 0, border: 0)

  /// In [0, 1].
  public func probability(_ features: Features) -> Double {
    let ratio = min(max(log(max(features.noiseRatio, 1e-6)), -Self.noiseLimit), Self.noiseLimit)
    let excess = min(max(features.borderExcess, 0), Self.borderLimit)
    let score =
      intercept + differentialASR * features.differentialASR + noise * ratio + border * excess
    return 1 / (1 + exp(-score))
  }
}
