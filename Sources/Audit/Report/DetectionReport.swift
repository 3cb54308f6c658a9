import Purification
import Triggers

/// The result of an audit that knows no trigger, in the form that `--json` writes. Shares are fractions
/// in [0, 1], intervals are at 95 % and written as [low, high]. Every key is always there, null where nothing was
/// measured. `docs/schemas/detection-report-2.schema.json` says what each holds.
public struct DetectionReport: Sendable, Codable, Equatable {
  public static let schemaVersion = 2

  public var schemaVersion = DetectionReport.schemaVersion
  public var verdict: Verdict
  /// That the model carries a dormant backdoor, by the decision rule.
  public var probability: Double
  /// Of the strongest evidence; nil where nothing was found.
  @OrNull public var targetClass: Int?
  @OrNull public var scheme: StatedScheme?
  @OrNull public var differentialASR: Double?
  @OrNull public var differentialASRInterval: ClosedRange<Double>?
  /// The audited float model's file name and the SHA-256 of its bytes.
  public var model: String
  public var digest: String
  /// Images that the search saw, unlabelled, and those that it did not see, on which it was measured.
  public var searchImages: Int
  public var heldOutImages: Int
  public var seed: UInt64
  public var float: Model
  public var deployments: [Deployment]
  /// What an engineer should know, strongest first.
  public var findings: [Finding]
  /// What the budget left out, one line each.
  public var leftOut: [String]
  public var seconds: Double
  /// The most seconds that the audit was given; nil for no bound.
  @OrNull public var budget: Double? = nil
  /// The version of Cupel that made it, and the arguments that it was started with, the program's
  /// name first; empty where it was not started from a command line.
  @OrNull public var toolVersion: String? = nil
  public var command: [String] = []
  /// What all this was made from.
  public var inputs: AuditInputs

  public struct Model: Sendable, Codable, Equatable {
    public var benignAccuracy: Double
    public var benignAccuracyInterval: ClosedRange<Double>
    /// One a class.
    public var classAccuracy: [Double]
  }

  /// An integer model.
  public struct Deployment: Sendable, Codable, Equatable {
    public var scheme: StatedScheme
    public var profile: StatedProfile
    public var rounding: StatedRounding
    /// The audited file; nil where the audit rounded the float model itself.
    @OrNull public var file: String?
    public var benignAccuracy: Double
    public var benignAccuracyInterval: ClosedRange<Double>
    public var classAccuracy: [Double]
    /// Whether it answers at least half of the held-out images as the float model does. Where rounding
    /// has broken the model, triggers mean nothing and the verdict leaves it out.
    public var isUsable: Bool
    /// What the decision rule reads of it; nil where it is not usable or nothing was searched.
    @OrNull public var features: DecisionRule.Features?
    /// Probability of a dormant backdoor by this deployment's evidence.
    public var probability: Double
    /// Whether the lower bound of its strongest trigger's differential ASR is that of a backdoor, without
    /// which no probability convicts.
    public var hasLargeTrigger: Bool
    /// One a family that was searched.
    public var searches: [Search]
    /// The strongest triggers that both models answer alike, of the families that are scanned.
    public var awake: [Search]
    @OrNull public var weights: WeightEvidence?
    @OrNull public var noise: RoundingNoise?
    @OrNull public var outlier: RoundingOutlier?
    /// Of a file's weights against nearest rounding of the float model's.
    @OrNull public var census: RoundingCensus?
    /// Of the strongest found trigger.
    @OrNull public var survival: Survival?
  }

  /// What the search for one family of triggers came to, measured on held-out images.
  public struct Search: Sendable, Codable, Equatable {
    public var family: TriggerFamily
    public var targetClass: Int
    public var differentialASR: Double
    public var differentialASRInterval: ClosedRange<Double>
    /// Share of images that the float and the integer model answer with the class.
    public var floatASR: Double
    public var integerASR: Double
    /// Optimizer steps, and images a step.
    public var steps: Int
    public var batch: Int
    public var seconds: Double
    public var trigger: LearnedTrigger
  }

  /// Whether the found trigger works without the attacked rounding: a dormant backdoor's does not, that
  /// of an ordinary backdoor or an adversarial patch does. Shares of images answered with the class.
  public struct Survival: Sendable, Codable, Equatable {
    public var nearest: Double
    /// Mean over the draws, and how many.
    public var stochasticRounding: Double
    public var draws: Int
    /// After purification, by the method named.
    @OrNull public var purified: Double?
    @OrNull public var purification: Purification.Method?
    /// Under another bit-width, by the scheme named.
    @OrNull public var otherBits: Double?
    @OrNull public var otherScheme: StatedScheme?
  }

  /// One thing worth acting on.
  public struct Finding: Sendable, Codable, Equatable {
    public enum Rule: String, Sendable, Codable, CaseIterable {
      /// A trigger that wakes with rounding.
      case dormantBackdoor = "dormant-backdoor"
      /// A trigger that works in float too.
      case activeBackdoor = "active-backdoor"
      /// Accuracy that falls by 10 points or more when the model is rounded.
      case accuracyCollapse = "accuracy-collapse"
      /// One class that is lost when the model is rounded, the others kept.
      case classCollapse = "class-collapse"
      /// A file whose weights are not the nearest roundings of the float model's.
      case nonNearestRounding = "non-nearest-rounding"
      /// Weights gathered in places of their rounding cells where no honest training puts them.
      case cellStatistics = "cell-statistics"
    }
    /// As SARIF has them.
    public enum Level: String, Sendable, Codable { case error, warning, note }

    public var rule: Rule
    public var level: Level
    @OrNull public var scheme: StatedScheme? = nil
    @OrNull public var targetClass: Int? = nil
    public var message: String
    /// The integer file that it is about; nil for the float model.
    @OrNull public var file: String? = nil
  }
}

extension Sequence where Element == DetectionReport.Search {
  /// What most tells the integer model from the float one.
  package var strongest: Element? { self.max { $0.differentialASR < $1.differentialASR } }

  /// What the float model answers to most.
  package var mostAwake: Element? { self.max { $0.floatASR < $1.floatASR } }
}

extension DetectionReport.Search {
  /// Whether the lower bound of its differential ASR is that of a backdoor.
  package var isLarge: Bool { differentialASRInterval.lowerBound >= Verdict.dormantLowerBound }
}

extension DetectionReport.Deployment {
  /// The search that found most.
  package var strongest: DetectionReport.Search? { searches.strongest }
}
