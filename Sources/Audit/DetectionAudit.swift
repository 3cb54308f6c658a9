import CupelDatasets
import CupelFloatGraph
import CupelQuantization
import CupelSupport
import CupelTriggers

/// The audit when nobody knows the trigger: searches one, for every deployment, that the integer model
/// answers to and the float model does not.
///
/// The search sees unlabelled images; whatever it finds is rounded to bytes, put on images that it did
/// not see, and measured on the float and the integer model.
public struct DetectionAudit: Sendable {
  /// What a caller may choose about a search.
  public struct Settings: Sendable {
    /// Of everything random; the same seed finds the same triggers.
    public var seed: UInt64 = 0
    /// How hard triggers are searched by gradients.
    public var effort = GradientSearch.Effort()

    /// Seed 0 and the usual effort.
    public init() {}
  }

  /// A deployment to look at.
  public struct Candidate: Sendable {
    /// As the report is to name it.
    public var scheme: StatedScheme
    /// As the report is to name it.
    public var profile: StatedProfile
    /// As the report is to name it.
    public var rounding: StatedRounding
    /// The audited file; nil where the audit rounds the float model itself.
    public var file: String?
    /// The deployed model itself: whatever is found is measured on it.
    public var integer: any Classifier
    /// Nearest rounding under this plan is what gradients go through; nil where the integer model can
    /// only be asked.
    public var plan: QuantizationPlan?
    /// A file's weights, in the order of the float graph's, whether or not they fit the plan; nil for
    /// nearest rounding.
    public var integers: [[Int8]]?

    /// - Parameters: as the members of these names.
    public init(
      scheme: StatedScheme, profile: StatedProfile, rounding: StatedRounding,
      file: String? = nil, integer: any Classifier, plan: QuantizationPlan?,
      integers: [[Int8]]? = nil
    ) {
      self.scheme = scheme
      self.profile = profile
      self.rounding = rounding
      self.file = file
      self.integer = integer
      self.plan = plan
      self.integers = integers
    }
  }

  let float: FloatClassifier
  /// From pixels to the float model's input.
  public let preprocessing: Preprocessing
  let search: UnlabelledImages
  /// Images that the search does not see, on which all is measured.
  public let heldOut: ImageSet
  let settings: Settings
  let rule: DecisionRule
  let threads: Int
  private let searchAnswers: [Int]
  /// The float model's answers to the held-out images; none where the time was up before.
  public let floatClean: [Int]

  /// - Parameters:
  ///   - float: the model that the deployments were made from.
  ///   - preprocessing: what becomes of pixels.
  ///   - settings: how much is searched.
  ///   - threads: the most that work at once; results do not depend on it.
  ///   - search: unlabelled images that the search may see.
  ///   - heldOut: images that it does not see; their classes serve accuracy alone, and its loss.
  /// - Throws: `AuditError.data` where the images do not fit, `AuditError.rule`, and what the float model
  ///   throws.
  public init(
    float: FloatClassifier, preprocessing: Preprocessing, search: UnlabelledImages,
    heldOut: ImageSet, settings: Settings = Settings(), threads: Int
  ) throws {
    try float.check(heldOut)
    guard search.shape == float.imageShape else {
      throw AuditError.data(
        rule: "the images to search on are of another size than the model takes")
    }
    guard search.count >= 16, heldOut.count >= 16 else {
      throw AuditError.data(
        rule: "a search needs at least 16 images to look at and 16 to be measured on; there are "
          + "\(search.count) and \(heldOut.count)")
    }
    self.float = float
    self.preprocessing = preprocessing
    self.search = search
    self.heldOut = heldOut
    self.settings = settings
    rule = try DecisionRule.shipped()
    self.threads = threads
    do {
      let answers = try float.classify(search.pixels)
      floatClean = try float.answers(to: heldOut, trigger: nil)
      searchAnswers = answers
    } catch is Interruption.TimeIsUp {
      (searchAnswers, floatClean) = ([], [])
    }
  }

  /// Whether the float model was asked; not where the time was up before. Nothing can be examined
  /// then.
  package var isAsked: Bool { !floatClean.isEmpty }

  /// What one deployment's examination has come to so far.
  public struct Examination: Sendable {
    /// What is examined.
    public let candidate: Candidate
    /// The integer model's answers to the held-out images.
    package let clean: [Int]
    /// One a family that was searched, in the order of searching.
    public package(set) var searches: [DetectionReport.Search] = []
    /// The strongest triggers that both models answer to alike.
    public internal(set) var awake: [DetectionReport.Search] = []
    /// Of nearest rounding; nil where not measured.
    public var weights: WeightEvidence?
    /// Of nearest rounding; nil where not measured.
    public var noise: RoundingNoise?
    /// Of a file's integers against the float model's weights.
    public var census: RoundingCensus?
    /// Of nearest rounding; nil where not measured.
    public var outlier: RoundingOutlier?
    /// Of the strongest trigger; nil where not measured.
    public var survival: DetectionReport.Survival?

    /// A file's own integers, once the census has found that its layers are the float model's; nil
    /// for any other deployment.
    public var deployed: RoundedPlan? {
      guard census != nil, let plan = candidate.plan, let integers = candidate.integers
      else { return nil }
      return try? RoundedPlan(plan, integers: integers)
    }

    /// The search with the largest differential ASR.
    public var strongest: DetectionReport.Search? { searches.strongest }
  }

  /// Share of the held-out images that a deployment answers as the float model does, without a trigger.
  func agreement(_ examination: Examination) -> Double {
    Double(zip(examination.clean, floatClean).count { $0 == $1 }) / Double(floatClean.count)
  }

  /// A rectangle that does something although it is not, or not all of, what was planted: where a patch
  /// of any pattern had better begin.
  ///
  /// In honest networks of few bits there are such rectangles as well. But their rounding moves clean
  /// images no further than noise does, or so far that many answers change, which no attacker wants.
  public func promising(_ examination: Examination) -> DetectionReport.Search? {
    guard let noise = examination.noise, noise.ratio >= 2, agreement(examination) >= 0.8 else {
      return nil
    }
    return examination.searches.first {
      $0.family == .rectangle && (0.1..<0.9).contains($0.differentialASR)
    }
  }

  /// Asks the integer model about the held-out images.
  ///
  /// - Throws: `AuditError.data` where it answers other classes than the float model, and what running
  ///   it throws.
  public func begin(_ candidate: Candidate) throws -> Examination {
    guard candidate.integer.classCount == float.classCount else {
      throw AuditError.data(
        rule: "\(candidate.file ?? candidate.scheme.rawValue) answers "
          + "\(candidate.integer.classCount) classes and the float model \(float.classCount)")
    }
    return Examination(
      candidate: candidate, clean: try candidate.integer.answers(to: heldOut, trigger: nil))
  }

  /// Looks for a trigger of a family, for one that rounding wakes and, where it is a family that is
  /// scanned, for one that is awake.
  ///
  /// - Returns: whether it came to an end; not where the time is up before.
  public func search(
    _ family: TriggerFamily, _ examination: inout Examination, budget: SearchBudget,
    progress: (Double) -> Void = { _ in }
  ) throws -> Bool {
    do {
      try budget.limiting {
        try Interruption.check()
        switch family {
        case .rectangle: try scan(Rectangle.self, family, &examination, progress: progress)
        case .wave: try scan(Wave.self, family, &examination, progress: progress)
        case .patch, .additive, .blend, .warp:
          try descend(family, &examination, progress: progress)
        }
      }
      return true
    } catch is Interruption.TimeIsUp {
      return false
    }
  }

  private func scan<Plain: PlainTrigger>(
    _: Plain.Type, _ family: TriggerFamily, _ examination: inout Examination,
    progress: (Double) -> Void
  ) throws {
    let stopwatch = Stopwatch()
    let scan = TriggerScan<Plain>(
      float: float, integer: examination.candidate.integer, images: search, answers: searchAnswers)
    let found = try scan.run { share throws in
      try Interruption.check()
      progress(share)
    }
    let geometry = Geometry(
      channels: heldOut.channels, height: heldOut.height, width: heldOut.width)
    func measured(_ best: TriggerScan<Plain>.Found) throws -> DetectionReport.Search {
      try measure(
        best.plain.learned(geometry), of: family, target: best.target, on: examination,
        since: stopwatch)
    }
    let best = try found.differential.first.map(measured)
    let awake = family.showsAwake ? try found.awake.first.map(measured) : nil
    if let best { examination.searches.append(best) }
    if let awake { examination.awake.append(awake) }
  }

  private func descend(
    _ family: TriggerFamily, _ examination: inout Examination, progress: (Double) -> Void
  ) throws {
    guard let kind = family.learnedKind, let plan = examination.candidate.plan else { return }
    let stopwatch = Stopwatch()
    let loss = try loss(plan, examination)
    let effort = settings.effort
    let all = effort.steps + effort.sharpening
    let gradient = GradientSearch(loss, try loss.references(search), effort: effort)
    var generator = SeededGenerator(seed: settings.seed, stream: family.stream)
    var trigger = TriggerParameters(
      kind, channels: heldOut.channels, height: heldOut.height, width: heldOut.width,
      generator: &generator)
    var goal = DifferentialLoss.Goal.anyOther
    var match = effort.match
    if family == .patch, let start = promising(examination) {
      trigger = TriggerParameters(startingFrom: start.trigger)
      goal = .target(start.targetClass)
      // The float logits stay nearly as they were already; holding them harder would hold the search.
      match.last = match.first
    }
    func improve(
      _ goal: DifferentialLoss.Goal, match: Float, _ steps: Int, after done: Int
    ) throws {
      try gradient.improve(
        &trigger, goal: goal, steps: steps, match: match, generator: &generator
      ) { share throws in
        try Interruption.check()
        progress((Double(done) + share * Double(steps)) / Double(all))
      }
    }
    try improve(goal, match: match.first, effort.steps, after: 0)
    let emerged = try target(of: trigger.learned(), examination)
    try improve(.target(emerged), match: match.last, effort.sharpening, after: effort.steps)
    examination.searches.append(
      try measure(
        trigger.learned(), of: family, target: emerged, on: examination, steps: all,
        batch: effort.batch, since: stopwatch))
  }

  private func measure(
    _ trigger: LearnedTrigger, of family: TriggerFamily, target: Int,
    on examination: Examination, steps: Int = 0, batch: Int = 0, since stopwatch: Stopwatch
  ) throws -> DetectionReport.Search {
    let measurement = try measure(trigger, on: examination)
    let difference = measurement.differentialASR(target)
    return DetectionReport.Search(
      family: family, targetClass: target, differentialASR: difference.value,
      differentialASRInterval: difference.interval,
      floatASR: measurement.floatASR(target).value,
      integerASR: measurement.integerASR(target).value, steps: steps, batch: batch,
      seconds: stopwatch.seconds, trigger: trigger)
  }

  /// Gradients go through a file's own integers where its layers are the float model's and the plan's
  /// scales give them nearly the file's answers; otherwise through nearest rounding. What is found is
  /// measured on the file either way.
  private func loss(
    _ plan: QuantizationPlan, _ examination: Examination
  ) throws -> DifferentialLoss {
    func loss(_ rounded: RoundedPlan) throws -> DifferentialLoss {
      try DifferentialLoss(rounded, preprocessing: preprocessing, threads: threads)
    }
    if let deployed = examination.deployed {
      let own = try loss(deployed)
      let few = search.prefix(64)
      let agreement = try own.agreement(
        with: examination.candidate.integer.classify(few.pixels), on: few)
      if agreement >= 0.9 { return own }
    }
    return try loss(plan.nearest())
  }

  /// The class that an unfinished trigger brings about, on the images that the search may see.
  private func target(of trigger: LearnedTrigger, _ examination: Examination) throws -> Int {
    var pixels = search.pixels
    try trigger.apply(to: &pixels)
    return DifferentialMeasurement(
      classCount: float.classCount, floatClean: searchAnswers,
      floatTriggered: try float.classify(pixels),
      integerClean: try examination.candidate.integer.classify(search.pixels),
      integerTriggered: try examination.candidate.integer.classify(pixels)
    ).target
  }

  /// A trigger on the held-out images.
  package func measure(
    _ trigger: LearnedTrigger, on examination: Examination
  ) throws -> DifferentialMeasurement {
    var floatTriggered: [Int] = []
    var integerTriggered: [Int] = []
    // In batches, which bounds memory.
    for start in stride(from: 0, to: heldOut.count, by: 250) {
      var pixels = heldOut[start..<min(start + 250, heldOut.count)].pixels
      try trigger.apply(to: &pixels)
      floatTriggered += try float.classify(pixels)
      integerTriggered += try examination.candidate.integer.classify(pixels)
    }
    return DifferentialMeasurement(
      classCount: float.classCount, floatClean: floatClean, floatTriggered: floatTriggered,
      integerClean: examination.clean, integerTriggered: integerTriggered)
  }
}
