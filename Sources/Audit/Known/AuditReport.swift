/// An audit's result in the form that `--json` writes: every key is always there, null where
/// nothing was measured. Shares are fractions in [0, 1]; intervals are at 95 %
/// and written as [low, high].
public struct AuditReport: Sendable, Codable, Equatable {
  /// Of the JSON form that this version of Cupel writes.
  public static let schemaVersion = 2

  /// Of the JSON form.
  public var schemaVersion = AuditReport.schemaVersion
  /// What the measurements say.
  public var verdict: Verdict
  /// Probability that the trigger's success differs by the verdict's 20 points in some deployment
  /// (for an active backdoor: that it succeeds in at least half of the images), from the
  /// measurements' own uncertainty. It says nothing about triggers that were not tried. Nil where no
  /// model was measured that it could be of.
  @OrNull public var probability: Double?
  /// The attacker's class, from 0.
  public var targetClass: Int
  /// As the command line writes it.
  public var trigger: String
  /// In the test set.
  public var images: Int
  /// Names of the audited files.
  public var model: String
  /// nil where only integer files were audited.
  @OrNull public var float: Model?
  /// What is deployed: the verdict is about these.
  public var deployments: [Deployment]
  /// Nearest roundings measured only so that a purified file can be compared; not in the verdict.
  public var baselines: [Deployment]
  /// Largest difference over the deployments; nil without a float model.
  @OrNull public var differentialASR: Double?
  /// Wall time of the audit.
  public var seconds: Double
  /// The arguments that the program was started with, its name first; empty where it was not started
  /// from a command line.
  public var command: [String]
  /// What all this was made from.
  public var inputs: AuditInputs

  /// What was measured of the float model.
  public struct Model: Sendable, Codable, Equatable {
    /// Share of clean images answered with their class.
    public var benignAccuracy: Double
    /// Its Wilson interval.
    public var benignAccuracyInterval: ClosedRange<Double>
    /// Share of triggered images answered with the target, images of that class left out.
    public var attackSuccessRate: Double
    /// Its Wilson interval.
    public var attackSuccessRateInterval: ClosedRange<Double>

    init(_ measurement: AttackMeasurement) {
      benignAccuracy = measurement.benignAccuracy.value
      benignAccuracyInterval = measurement.benignAccuracy.interval
      attackSuccessRate = measurement.attackSuccessRate.value
      attackSuccessRateInterval = measurement.attackSuccessRate.interval
    }
  }

  /// What was measured of an integer model.
  public struct Deployment: Sendable, Codable, Equatable {
    /// Under which it was quantized.
    public var scheme: StatedScheme
    /// Whose arithmetic it was measured with.
    public var profile: StatedProfile
    /// How its weights were rounded.
    public var rounding: StatedRounding
    /// The audited file, or nil where the audit quantized the float model itself.
    @OrNull public var file: String?
    /// Share of clean images answered with their class.
    public var benignAccuracy: Double
    /// Its Wilson interval.
    public var benignAccuracyInterval: ClosedRange<Double>
    /// Share of triggered images answered with the target, images of that class left out.
    public var attackSuccessRate: Double
    /// Its Wilson interval.
    public var attackSuccessRateInterval: ClosedRange<Double>
    /// DER against nearest rounding under the same scheme and profile, in [0, 1]; nearest rounding
    /// itself has 0.5. nil where that was not measured.
    @OrNull public var der: Double?
    /// ASR of this model less that of the float model; nil without one.
    @OrNull public var differentialASR: Double?
    /// Newcombe's, method 10.
    @OrNull public var differentialASRInterval: ClosedRange<Double>?
  }

  /// An integer model that was measured.
  public struct Entry: Sendable {
    /// Under which it was quantized.
    public var scheme: StatedScheme
    /// Whose arithmetic it was measured with.
    public var profile: StatedProfile
    /// How its weights were rounded.
    public var rounding: StatedRounding
    /// The audited file; nil where the audit quantized the float model itself.
    public var file: String?
    /// Its answers.
    public var measurement: AttackMeasurement

    /// - Parameters: as the members of these names.
    public init(
      scheme: StatedScheme, profile: StatedProfile, rounding: StatedRounding, file: String?,
      measurement: AttackMeasurement
    ) {
      self.scheme = scheme
      self.profile = profile
      self.rounding = rounding
      self.file = file
      self.measurement = measurement
    }
  }

  /// What some measurements of one trigger come to.
  ///
  /// - Parameters:
  ///   - float: the float model's measurement; nil without one.
  ///   - seconds: that the audit took.
  ///   - command: what made the report, the program's name first.
  ///   - model: what was audited, in words.
  ///   - trigger: as the command line writes it.
  ///   - target: the attacker's class.
  ///   - images: in the test set.
  ///   - entries: what the verdict is about.
  ///   - baselines: nearest roundings that purified files are compared with.
  ///   - inputs: what the caller knows of them; schemes and profiles are added here.
  public init(
    model: String, trigger: String, target: Int, images: Int, float: AttackMeasurement?,
    deployments entries: [Entry], baselines: [Entry] = [], seconds: Double,
    command: [String] = [], inputs: AuditInputs = AuditInputs()
  ) {
    self.model = model
    self.trigger = trigger
    targetClass = target
    self.images = images
    self.seconds = seconds
    self.command = command
    self.inputs = inputs
    self.inputs.add((entries + baselines).map { ($0.scheme, $0.profile) })
    self.float = float.map(Model.init)
    verdict = Verdict(float: float, deployments: entries.map(\.measurement))
    func row(_ entry: Entry) -> Deployment {
      // Without the float model nothing says that two files have the same origin.
      let nearest = (float == nil ? [] : baselines + entries).first {
        $0.rounding == .nearest && $0.scheme == entry.scheme && $0.profile == entry.profile
      }
      return Deployment(entry, float: float, nearest: nearest?.measurement)
    }
    deployments = entries.map(row)
    self.baselines = baselines.map(row)
    differentialASR = deployments.compactMap(\.differentialASR).max()
    probability = Self.probability(float: float, entries.map(\.measurement), verdict)
  }

  private static func probability(
    float: AttackMeasurement?, _ deployments: [AttackMeasurement], _ verdict: Verdict
  ) -> Double? {
    func half(_ measurement: AttackMeasurement) -> Double {
      let rate = measurement.attackSuccessRate
      let zero = PairedDifference(measurement.isHit, measurement.isHit.map { _ in false })
      return rate.trials == 0 ? 0 : zero.probability(atLeast: Verdict.activeASR)
    }
    guard let float else { return deployments.map(half).max() }
    if verdict == .activeBackdoor { return half(float) }
    return deployments.map {
      $0.differentialASR(against: float).probability(atLeast: Verdict.dormantLowerBound)
    }.max()
  }
}

extension AuditReport.Deployment {
  init(_ entry: AuditReport.Entry, float: AttackMeasurement?, nearest: AttackMeasurement?) {
    let measurement = entry.measurement
    let difference = float.map { measurement.differentialASR(against: $0) }
    scheme = entry.scheme
    profile = entry.profile
    rounding = entry.rounding
    file = entry.file
    benignAccuracy = measurement.benignAccuracy.value
    benignAccuracyInterval = measurement.benignAccuracy.interval
    attackSuccessRate = measurement.attackSuccessRate.value
    attackSuccessRateInterval = measurement.attackSuccessRate.interval
    der = nearest.map { measurement.defenceEffectiveness(before: $0) }
    differentialASR = difference?.value
    differentialASRInterval = difference?.interval
  }
}
