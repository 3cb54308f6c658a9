import CupelPurification
import CupelTriggers

/// The result of an audit that knows no trigger, in the form that `--json` writes. Shares are fractions
/// in [0, 1], intervals are at 95 % and written as [low, high]. Every key is always there, null where
/// nothing was measured. `docs/schemas/detection-report-2.schema.json` says what each holds.
public struct DetectionReport: Sendable, Codable, Equatable {
  /// Of the JSON form that this version of Cupel writes.
  public static let schemaVersion = 2

  /// Of the JSON form.
  public var schemaVersion = DetectionReport.schemaVersion
  /// What the audit concludes.
  public var verdict: Verdict
  /// That the model carries a dormant backdoor, by the decision rule; nil where nothing was searched.
  @OrNull public var probability: Double?
  /// The class of the strongest evidence, from 0; nil where nothing was found.
  @OrNull public var targetClass: Int?
  /// Of the strongest evidence; nil where nothing was found.
  @OrNull public var scheme: StatedScheme?
  /// Of the strongest evidence; nil where nothing was found.
  @OrNull public var differentialASR: Double?
  /// Of the strongest evidence; nil where nothing was found.
  @OrNull public var differentialASRInterval: ClosedRange<Double>?
  /// The audited float model's file name.
  public var model: String
  /// SHA-256 of the audited float model's file, lower-case hexadecimal.
  public var digest: String
  /// Unlabelled images that the search saw.
  public var searchImages: Int
  /// Images that the search did not see, on which all was measured.
  public var heldOutImages: Int
  /// Of everything random.
  public var seed: UInt64
  /// The float model.
  public var float: Model
  /// The integer models that were examined.
  public var deployments: [Deployment]
  /// What an engineer should know, strongest first.
  public var findings: [Finding]
  /// What the budget left out, one line each.
  public var leftOut: [String]
  /// Wall time.
  public var seconds: Double
  /// The most seconds that the audit was given; nil for no bound.
  @OrNull public var budget: Double? = nil
  /// The version of Cupel that made it.
  @OrNull public var toolVersion: String? = nil
  /// The arguments that it was started with, the program's name first; empty where there was no command
  /// line.
  public var command: [String] = []
  /// What all this was made from.
  public var inputs: AuditInputs

  /// What was measured of the float model.
  public struct Model: Sendable, Codable, Equatable {
    /// Share of clean held-out images answered with their class; nil where the time was up before.
    @OrNull public var benignAccuracy: Double?
    /// Its Wilson interval.
    @OrNull public var benignAccuracyInterval: ClosedRange<Double>?
    /// One a class; nil for a class without images, and empty where the time was up before.
    public var classAccuracy: [Double?]
  }

  /// An integer model.
  public struct Deployment: Sendable, Codable, Equatable {
    /// Under which it was quantized.
    public var scheme: StatedScheme
    /// Whose arithmetic it was measured with.
    public var profile: StatedProfile
    /// How its weights were rounded.
    public var rounding: StatedRounding
    /// The audited file; nil where the audit rounded the float model itself.
    @OrNull public var file: String?
    /// Share of clean held-out images answered with their class.
    public var benignAccuracy: Double
    /// Its Wilson interval.
    public var benignAccuracyInterval: ClosedRange<Double>
    /// Accuracy on the images of each class, from class 0; nil for a class without images.
    public var classAccuracy: [Double?]
    /// Whether it answers at least half of the held-out images as the float model does. Where rounding
    /// has broken the model, triggers mean nothing and the verdict leaves it out.
    public var isUsable: Bool
    /// What the decision rule reads of it; nil where it is not usable or nothing was searched.
    @OrNull public var features: DecisionRule.Features?
    /// Probability of a dormant backdoor by this deployment's evidence; nil where it is not usable or
    /// nothing was searched.
    @OrNull public var probability: Double?
    /// Whether the lower bound of its strongest trigger's differential ASR is that of a backdoor, without
    /// which no probability convicts.
    public var hasLargeTrigger: Bool
    /// One a family that was searched.
    public var searches: [Search]
    /// The strongest triggers that both models answer alike, of the families that are scanned.
    public var awake: [Search]
    /// Where its weights lie in their rounding cells; nil where not examined.
    @OrNull public var weights: WeightEvidence?
    /// Nearest rounding's errors held against noise; nil where not measured.
    @OrNull public var noise: RoundingNoise?
    /// Nearest rounding among stochastic ones; nil where not measured.
    @OrNull public var outlier: RoundingOutlier?
    /// Of a file's weights against nearest rounding of the float model's.
    @OrNull public var census: RoundingCensus?
    /// Of the strongest found trigger.
    @OrNull public var survival: Survival?
  }

  /// What the search for one family of triggers came to, measured on held-out images.
  public struct Search: Sendable, Codable, Equatable {
    /// What kind of trigger.
    public var family: TriggerFamily
    /// The class that the trigger calls, from 0.
    public var targetClass: Int
    /// `DifferentialMeasurement.differentialASR` of that class, in [−1, 1].
    public var differentialASR: Double
    /// Its interval.
    public var differentialASRInterval: ClosedRange<Double>
    /// Share of images that the float model answers with the class.
    public var floatASR: Double
    /// Share of images that the integer model answers with the class.
    public var integerASR: Double
    /// Optimizer steps; 0 where triggers were tried and not optimized.
    public var steps: Int
    /// Images a step; 0 as well then.
    public var batch: Int
    /// Wall time.
    public var seconds: Double
    /// The trigger itself.
    public var trigger: LearnedTrigger
  }

  /// Whether the found trigger works without the attacked rounding: a dormant backdoor's does not, that
  /// of an ordinary backdoor or an adversarial patch does. Shares of images answered with the class.
  public struct Survival: Sendable, Codable, Equatable {
    /// Under the attacked rounding.
    public var nearest: Double
    /// Mean over the draws.
    public var stochasticRounding: Double
    /// Stochastic roundings that were tried.
    public var draws: Int
    /// After purification.
    @OrNull public var purified: Double?
    /// The method of that purification; nil where there was none.
    @OrNull public var purification: Purification.Method?
    /// Under another bit-width.
    @OrNull public var otherBits: Double?
    /// The scheme of the other bit-width.
    @OrNull public var otherScheme: StatedScheme?
  }

  /// One thing worth acting on.
  public struct Finding: Sendable, Codable, Equatable {
    /// What kind of thing was found.
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
    public enum Level: String, Sendable, Codable {
      /// What forbids a clean bill.
      case error
      /// What deserves a look.
      case warning
      /// What is worth knowing.
      case note
    }

    /// What kind it is.
    public var rule: Rule
    /// How bad it is.
    public var level: Level
    /// Nil where it is about no scheme alone.
    @OrNull public var scheme: StatedScheme? = nil
    /// From 0; nil where it is about no class.
    @OrNull public var targetClass: Int? = nil
    /// In plain words.
    public var message: String
    /// The integer file that it is about; nil for the float model.
    @OrNull public var file: String? = nil

    package init(
      rule: Rule, level: Level, scheme: StatedScheme? = nil, targetClass: Int? = nil,
      message: String, file: String? = nil
    ) {
      (self.rule, self.level, self.message) = (rule, level, message)
      (self.scheme, self.targetClass, self.file) = (scheme, targetClass, file)
    }
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

extension DetectionReport {
  /// Whether no deployment was searched, so that nothing can be said of any.
  public var isUnsearched: Bool { deployments.allSatisfy(\.searches.isEmpty) }
}

extension DetectionReport.Deployment {
  /// The search that found most.
  package var strongest: DetectionReport.Search? { searches.strongest }
}
