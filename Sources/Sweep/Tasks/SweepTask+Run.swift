import Cupel
import CupelAuditReports
import CupelHostRuntime
import CupelSupport

extension SweepTask {
  /// Does the audit.
  ///
  /// - Parameter context: threads, and who is told how far it is; the seed is the task's own.
  /// - Returns: the report that `cupel audit` with the task's options makes.
  /// - Throws: `CupelError` where an input is not what it was when the task was planned, or a setting
  ///   is none; what reading and measuring throw.
  public func run(_ context: RunContext = RunContext()) throws -> RecordedReport {
    try check()
    var context = context
    context.seed = seed
    let subject = try subject()
    try data.checkFolder()
    return attack == nil ? try search(subject, context) : try measure(subject, context)
  }

  private func subject() throws -> AuditSubject {
    let profile = try deploymentProfile
    let catalogue = try catalogue.map { try Catalogue(path: $0.path) }
    let loaded = try models.map { input in
      let model = try LoadedModel(path: input.path, profile: profile, catalogue: catalogue)
      guard model.sha256 == input.sha256 else { throw Self.changed(input.path) }
      return model
    }
    let subject = try AuditSubject(
      loaded, schemes: schemes.map { try Scheme($0) }, profile: profile,
      preprocessing: preprocessing)
    if let known = self.catalogue, subject.float?.specimen?.digest != known.sha256 {
      throw Self.changed(known.path)
    }
    return subject
  }

  private func search(_ subject: AuditSubject, _ context: RunContext) throws -> RecordedReport {
    var settings = TriggerSearch.Settings()
    if let families = try triggerFamilies { settings.families = families }
    settings.budget = budget
    settings.calibrationImages = calibration
    if let limit { settings.heldOutImages = limit }
    let work = TriggerSearch(settings, context: context)
    let images = try testImages(subject, limit: settings.heldOutImages)
    let result = try work.run(
      subject, training: trainingImages(subject), test: images, dataset: data.path,
      command: command)
    return .detection(result.report)
  }

  private func measure(_ subject: AuditSubject, _ context: RunContext) throws -> RecordedReport {
    guard let attack else { throw CupelError("the task has no trigger", .internalError) }
    let stopwatch = Stopwatch()
    var report = try KnownTriggerAudit(
      images: testImages(subject, limit: limit), trigger: Trigger(attack.trigger),
      target: attack.target
    ).run(
      subject,
      calibration: { try trainingImages(subject).sample(calibration, seed: seed) },
      dataset: data.path, command: command, context: context)
    report.seconds = stopwatch.seconds
    return .known(report)
  }

  private func trainingImages(_ subject: AuditSubject) throws -> UnlabelledImages {
    try UnlabelledImages.load(
      path: data.path, split: .train, size: subject.imageSize(), channels: subject.imageChannels)
  }

  private func testImages(_ subject: AuditSubject, limit: Int?) throws -> ImageSet {
    let images = try ImageSet.load(
      path: data.path, split: .test, limit: limit, size: subject.imageSize(),
      classes: classes.map { input in
        guard try ContentDigest.file(input.path) == input.sha256 else {
          throw Self.changed(input.path)
        }
        return try ClassNames(path: input.path)
      },
      channels: subject.imageChannels)
    try images.checkClasses(of: subject.classCount, path: data.path)
    return images
  }

  static func changed(_ path: String) -> CupelError {
    CupelError("\(path): it is not what it was when the sweep was planned; plan the sweep again")
  }
}

// MARK: - What a manifest may hold

extension SweepTask {
  /// - Throws: `CupelError`, or the setting's own error, that names what is out of range.
  func check() throws {
    func fail(_ rule: String) -> CupelError { CupelError("the task is malformed: \(rule)") }
    guard !models.isEmpty else { throw fail("it has no model") }
    guard limit ?? 1 >= 1 else { throw fail("limit must be at least 1") }
    guard (1...1_000_000).contains(calibration) else {
      throw fail("calibration must lie in 1…1000000")
    }
    if let budget {
      guard budget > 0, budget <= 1e6 else { throw fail("budget must lie in 0…1000000 seconds") }
    }
    guard try rule == DecisionRule.shipped().digest, tool == CupelRelease.current else {
      throw CupelError(
        "the sweep was planned for Cupel \(printable(tool)) and its decision rule; "
          + "this is another: plan the sweep again")
    }
  }

  private var deploymentProfile: DeploymentProfile? {
    get throws {
      try profile.map { name in
        guard let known = DeploymentProfile(named: name) else {
          throw CupelError("the task is malformed: there is no profile '\(printable(name))'")
        }
        return known
      }
    }
  }

  private var triggerFamilies: [TriggerFamily]? {
    get throws {
      try families?.map { name in
        guard let family = TriggerFamily(rawValue: name) else {
          throw CupelError("the task is malformed: there is no family '\(printable(name))'")
        }
        return family
      }
    }
  }
}

// MARK: - The same by hand

extension SweepTask {
  /// The command line that makes the same report.
  public var command: [String] {
    var words = ["cupel", "audit"] + models.map(\.path)
    func add(_ option: String, _ value: (some CustomStringConvertible)?) {
      if let value { words.append("--\(option)=\(value)") }
    }
    add("schemes", schemes.isEmpty ? nil : schemes.joined(separator: ","))
    add("profile", profile)
    add("trigger", attack?.trigger)
    add("target", attack?.target)
    add("families", families?.joined(separator: ","))
    add("budget", budget.map { "\($0)s" })
    add("limit", limit)
    add("calibration", calibration)
    add("seed", seed)
    if let preprocessing {
      func list(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: ",") }
      add("mean", list(preprocessing.mean))
      add("std", list(preprocessing.std))
      add("scale", preprocessing.scale)
      add("resize", preprocessing.resize.map { "\($0.height)x\($0.width)" })
    }
    add("data", data.path)
    add("classes", classes?.path)
    add("catalogue", catalogue?.path)
    return words
  }
}
