import CupelAudit
import CupelDatasets
import CupelFixedPoint
import CupelHostRuntime
import CupelQuantization
import CupelSupport

/// The audit without a known trigger: searches one that an integer deployment answers to and the
/// float model does not.
///
/// Its time begins when the value is made, so that what the caller loads for it counts.
public struct TriggerSearch: Sendable {
  /// What is searched, how hard, and for how long.
  public struct Settings: Sendable {
    /// Kinds of triggers to search.
    public var families = TriggerFamily.allCases
    /// Seconds after which no step is begun, and the present one ends within a second or a tenth of
    /// the time; nil for as long as it takes. The report says what was left out.
    public var budget: Double?
    /// Of the search by gradients.
    public var effort = GradientSearch.Effort()
    /// Unlabelled training images that the float model is calibrated on.
    public var calibrationImages = 1024
    /// Unlabelled training images that the search sees; at least 16.
    public var searchImages = 256
    /// Test images that what it finds is measured on; at least 16.
    public var heldOutImages = 1000
    /// A lower bound of the differential ASR, 0…1, above which nothing is left to search for.
    public var decisive = 0.5
    /// Stochastic roundings that nearest rounding is compared with.
    public var draws = 8
    /// Loss of accuracy over all classes, 0…1, from which on roundings are compared.
    public var noticeableLoss = 0.05
    /// Loss of accuracy of one class, 0…1, from which on roundings are compared.
    public var noticeableClassLoss = 0.2
    /// Whether pictures for a page are made as well.
    public var makesExhibits = false

    /// Every family, as hard as published figures were made, without a budget.
    public init() {}
  }

  /// What a search comes to.
  public struct Result: Sendable {
    /// Verdict, evidence, and what was left out.
    public var report: DetectionReport
    /// Pictures for the page; nil where none were asked for or could be made.
    public var exhibits: Exhibits?
  }

  /// As given.
  public let settings: Settings
  private let context: RunContext
  private let budget: SearchBudget
  private let stopwatch = Stopwatch()

  /// - Parameters:
  ///   - settings: what is searched.
  ///   - context: threads, seed, and who is told how far the search is.
  public init(_ settings: Settings = Settings(), context: RunContext = RunContext()) {
    self.settings = settings
    self.context = context
    budget = SearchBudget(
      settings.budget.map { .milliseconds($0 >= 0 ? Int64(min($0, 1e9) * 1000) : 0) })
  }

  /// Searches.
  ///
  /// - Parameters:
  ///   - subject: a float model, and what is or could be deployed of it; or one integer model alone,
  ///     which is then compared with the real network that its integers stand for.
  ///   - training: unlabelled images, of which some are drawn to calibrate on and some to search
  ///     on.
  ///   - test: the first of these measure; nothing else sees them.
  ///   - dataset: name of the folder that the images came from; the report tells it.
  ///   - command: what made the report, the program's name first; the report tells it.
  /// - Throws: `CupelError` for several integer models without a float model, or with settings out
  ///   of range;
  ///   `UnknownPreprocessing`;
  ///   `AuditError` where images do not fit; what loading and running throw; `CancellationError`.
  public func run(
    _ subject: AuditSubject, training: UnlabelledImages, test: ImageSet, dataset: String? = nil,
    command: [String] = []
  ) throws -> Result {
    let subject = try subject.reading(imagesOf: training.shape)
    let float = try subject.reference()
    try settings.check()
    return try budget.limiting {
      let told = try subject.toldToReference()
      let workbench = try workbench(float, subject, told, training)
      let audit = try audit(float, told, training: training, test: test)
      var (examinations, isComplete) = ([DetectionAudit.Examination](), false)
      let families = TriggerFamily.allCases.filter(settings.families.contains)
      var leftOut = SearchWork.everyStep(
        of: subject.integers.map(\.name) + subject.schemes.map(\.description), families)
      if settings.makesExhibits { leftOut.append("pictures: the budget was spent") }
      var exhibits: Exhibits?
      if let workbench, audit.isAsked {
        var work = SearchWork(
          audit: audit, workbench: workbench, settings: settings, budget: budget,
          profile: subject.profile ?? .tflm)
        try work.run(subject.candidates(workbench))
        if settings.makesExhibits { exhibits = try work.exhibits() }
        (examinations, leftOut, isComplete) = (work.examinations, work.leftOut, work.isComplete)
      }
      if subject.float == nil { leftOut.append(AuditSubject.withoutFloatModel) }
      var inputs = try subject.inputs(dataset: dataset, workbench: workbench)
      inputs.families = settings.families
      let report = audit.report(
        examinations, leftOut: leftOut, isComplete: isComplete, model: float.name,
        digest: float.sha256, toolVersion: CupelRelease.current, command: command,
        budget: settings.budget, inputs: inputs, seconds: stopwatch.seconds)
      return Result(report: report, exhibits: exhibits)
    }
  }

  /// nil where the time is up before the model is calibrated.
  private func workbench(
    _ float: FloatModel, _ subject: AuditSubject, _ told: Preprocessing?,
    _ training: UnlabelledImages
  ) throws -> Workbench? {
    do {
      return try Workbench(
        float, images: training.sample(settings.calibrationImages, seed: context.seed),
        preprocessing: told,
        schemes: subject.schemes + subject.integers.map(\.scheme), context: context)
    } catch is Interruption.TimeIsUp {
      return nil
    }
  }

  private func audit(
    _ model: FloatModel, _ told: Preprocessing?, training: UnlabelledImages, test: ImageSet
  ) throws -> DetectionAudit {
    let preprocessing = try model.preprocessing(told)
    var settings = DetectionAudit.Settings()
    settings.seed = context.seed
    settings.effort = self.settings.effort
    return try DetectionAudit(
      float: FloatClassifier(
        graph: model.graph, preprocessing: preprocessing, threads: context.threads),
      preprocessing: preprocessing,
      search: training.sample(self.settings.searchImages, seed: context.seed &+ 1),
      heldOut: test.prefix(self.settings.heldOutImages), settings: settings,
      threads: context.threads)
  }
}

extension TriggerSearch.Settings {
  /// - Throws: `CupelError` that names what is out of range.
  fileprivate func check() throws(CupelError) {
    guard (1...1000).contains(draws) else {
      throw CupelError("draws must lie in 1…1000", .usage)
    }
    guard effort.steps >= 0, effort.sharpening >= 0, effort.batch > 0 else {
      throw CupelError("steps must not be negative, and a batch not empty", .usage)
    }
  }
}

extension IntegerModel {
  /// What the file says of its scheme; where it says nothing, its bits do.
  fileprivate var scheme: Scheme { statedScheme ?? Scheme(weightBits: program.weightBits) }
}

extension AuditSubject {
  /// What cannot be asked about an integer file alone.
  fileprivate static let withoutFloatModel =
    "a trigger that rounding of the weights woke: without the float model it cannot be told from one "
    + "that was always awake; both count as active"

  /// What deployments are compared with: the float model, or what an integer file alone stands for.
  fileprivate func reference() throws(CupelError) -> FloatModel {
    if let float { return float }
    guard integers.count == 1 else {
      throw CupelError(
        "give the float model, or one integer file to be searched alone; here are \(integers.count)",
        .usage)
    }
    return try FloatModel(dequantizing: integers[0])
  }

  /// What becomes of pixels, as the reference is to be told: an integer file says it itself.
  fileprivate func toldToReference() throws -> Preprocessing? {
    float == nil ? try integers[0].preprocessing(preprocessing) : preprocessing
  }

  /// Files as they are, then nearest roundings.
  fileprivate func candidates(_ workbench: Workbench) -> [SearchWork.Planned] {
    integers.map { model in
      .init(name: model.name) { try candidate(model, workbench) }
    }
      + schemes.map { scheme in
        .init(name: scheme.description) { try candidate(scheme, workbench) }
      }
  }

  private func candidate(
    _ model: IntegerModel, _ workbench: Workbench
  ) throws -> DetectionAudit.Candidate {
    let scheme = model.scheme
    let isStated = model.engine.metadata(ModelMetadata.scheme) == scheme.description
    return DetectionAudit.Candidate(
      scheme: isStated ? .known(scheme) : .presumed(scheme),
      profile: profile.map(StatedProfile.runtime) ?? model.profile, rounding: model.rounding,
      file: model.path,
      integer: try classifier(model, threads: workbench.context.threads),
      plan: try? workbench.plan(scheme), integers: model.program.weightsInGraphOrder)
  }

  private func candidate(
    _ scheme: Scheme, _ workbench: Workbench
  ) throws -> DetectionAudit.Candidate {
    let profile = profile ?? .tflm
    return DetectionAudit.Candidate(
      scheme: .known(scheme), profile: .runtime(profile), rounding: .nearest,
      integer: try nearest(scheme, profile: profile, of: workbench),
      plan: try workbench.plan(scheme))
  }
}
