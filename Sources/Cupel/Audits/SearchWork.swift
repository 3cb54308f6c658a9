import CupelAudit
import CupelDatasets
import CupelFixedPoint
import CupelFloatGraph
import CupelPurification
import CupelQuantization
import CupelSupport
import Foundation

/// An audit without a trigger as it proceeds from deployment to deployment, cheap steps first.
struct SearchWork {
  let audit: DetectionAudit
  let workbench: Workbench
  let settings: TriggerSearch.Settings
  let budget: SearchBudget
  /// Whose rounding other roundings of the weights are measured with.
  let profile: DeploymentProfile
  private(set) var examinations: [DetectionAudit.Examination] = []
  /// What was not examined, one line each.
  private(set) var leftOut: [String] = []
  /// Whether nothing that could have changed the verdict was left out.
  private(set) var isComplete = true

  init(
    audit: DetectionAudit, workbench: Workbench, settings: TriggerSearch.Settings,
    budget: SearchBudget, profile: DeploymentProfile
  ) {
    self.audit = audit
    self.workbench = workbench
    self.settings = settings
    self.budget = budget
    self.profile = profile
  }

  private var context: RunContext { workbench.context }

  /// A deployment that is yet to be made.
  struct Planned {
    var name: String
    var make: () throws -> DetectionAudit.Candidate
  }

  mutating func run(_ candidates: [Planned]) throws {
    let families = TriggerFamily.allCases.filter(settings.families.contains)
    let begun = try begin(candidates)
    defer { leftOut += Self.everyStep(of: candidates[begun...].map(\.name), families) }
    try search(families.filter(TriggerFamily.scanned.contains))
    try weigh()
    if families.contains(.patch) { try sharpen() }
    try search(families.filter(TriggerFamily.byGradient.contains), unless: settings.decisive)
    try compare()
    try survive()
  }

  /// Asks the deployments about images without a trigger, as many as there is time for.
  ///
  /// - Returns: how many.
  private mutating func begin(_ candidates: [Planned]) throws -> Int {
    do {
      for candidate in candidates {
        try Interruption.check()
        examinations.append(try audit.begin(candidate.make()))
      }
    } catch is Interruption.TimeIsUp {
      isComplete = false
    }
    return examinations.count
  }

  /// The lines of deployments that were not begun.
  static func everyStep(of names: [String], _ families: [TriggerFamily]) -> [String] {
    let scanned = families.filter(TriggerFamily.scanned.contains).map(\.rawValue)
    let byGradient = families.filter(TriggerFamily.byGradient.contains).map(\.rawValue)
    return (scanned + ["weights"] + byGradient).flatMap { step in
      names.map { "\($0), \(step): the budget was spent" }
    }
  }

  /// A line that is there already is not said again.
  private mutating func leaveOut(_ line: String) {
    if !leftOut.contains(line) { leftOut.append(line) }
  }

  /// A step, which is left out where the time is up before it ends.
  private mutating func within(
    _ step: String, decides: Bool = true, _ body: (inout Self) throws -> Void
  ) throws {
    do {
      try Interruption.check()
      try body(&self)
    } catch is Interruption.TimeIsUp {
      leaveOut("\(step): the budget was spent")
      if decides { isComplete = false }
    }
  }

  /// Searches families in every deployment that is of any use.
  ///
  /// - Parameter decisive: where a search has a lower bound above it already, nothing more is
  ///   searched.
  private mutating func search(_ families: [TriggerFamily], unless decisive: Double? = nil) throws {
    for (number, family) in families.enumerated() {
      for index in examinations.indices where audit.isUsable(examinations[index]) {
        if let decisive, let found = strongest, found.interval.lowerBound >= decisive,
          audit.probability(examinations[found.index]) ?? 0 >= 0.5
        {
          let rest = families[number...].map(\.rawValue).joined(separator: ", ")
          leftOut.append(
            "\(rest): not searched any further, for what \(found.name) shows is decisive")
          return
        }
        try search(family, index)
      }
    }
  }

  /// Makes more of rectangles that came to something, before what they show ends the search.
  private mutating func sharpen() throws {
    for index in examinations.indices
    where audit.isUsable(examinations[index]) && audit.promising(examinations[index]) != nil
      && !budget.isSpent
    {
      try search(.patch, index)
    }
  }

  private mutating func search(_ family: TriggerFamily, _ index: Int) throws {
    guard !examinations[index].searches.contains(where: { $0.family == family })
    else { return }
    let name = examinations[index].name
    if family.needsPlan, examinations[index].candidate.plan == nil {
      leftOut.append("\(name), \(family.rawValue): no plan of the float model fits the file")
      isComplete = false
      return
    }
    let soFar = strongest.map {
      String(format: "so far %.1f points, %@", 100 * $0.difference, $0.name)
    }
    let context = context
    let done = try audit.search(family, &examinations[index], budget: budget) {
      context.tell("\(name), \(family.rawValue)", detail: soFar ?? "", $0)
    }
    if !done {
      leaveOut("\(name), \(family.rawValue): the budget was spent")
      isComplete = false
    }
  }

  /// Evidence of the weights, and of what their rounding does to clean images.
  private mutating func weigh() throws {
    let few = workbench.images.slice(0..<min(workbench.images.batch, 128))
    for index in examinations.indices {
      guard let plan = examinations[index].candidate.plan else { continue }
      try within("\(examinations[index].name), weights") { try $0.weigh(index, plan, on: few) }
    }
  }

  private mutating func weigh(_ index: Int, _ plan: QuantizationPlan, on images: Tensor) throws {
    let name = examinations[index].name
    try context.update("\(name), weights", 0)
    guard let integers = examinations[index].candidate.integers else {
      // Both or neither: the rule reads them together.
      let weights = WeightEvidence(plan)
      examinations[index].noise = try RoundingNoise(
        plan, images: images, seed: context.seed, threads: context.threads)
      examinations[index].weights = weights
      return
    }
    examinations[index].census = try? RoundingCensus(plan: plan, integers: integers)
    if examinations[index].census == nil {
      leftOut.append("\(name): its layers are not the float model's; roundings not counted")
    }
  }

  /// Where accuracy was lost: whether other roundings of the same weights lose it as well.
  private mutating func compare() throws {
    for index in examinations.indices {
      let examination = examinations[index]
      guard let plan = examination.candidate.plan, examination.candidate.file == nil
      else { continue }
      let lost = audit.lost(examination)
      guard lost.all >= settings.noticeableLoss || lost.oneClass >= settings.noticeableClassLoss
      else { continue }
      try within("\(examination.name), other roundings") { work in
        try work.context.update("\(examination.name), other roundings", 0)
        work.examinations[index].outlier = try work.ensemble(plan).outlier(
          work.audit.heldOut.pixels, references: work.audit.heldOut.labels.map(Int.init),
          preprocessing: work.audit.preprocessing, threads: work.context.threads)
      }
    }
  }

  private func ensemble(_ plan: QuantizationPlan) throws -> RoundingEnsemble {
    try RoundingEnsemble(plan, draws: settings.draws, seed: context.seed, profile: profile)
  }

  /// Whether the strongest trigger needs the rounding under which it was found.
  ///
  /// It explains and does not decide, so that what it cannot do is said and no more.
  private mutating func survive() throws {
    do { try measureSurvival() } catch let error as CancellationError {
      throw error
    } catch {
      leftOut.append("survival of the trigger under other roundings: \(error)")
    }
  }

  private mutating func measureSurvival() throws {
    guard let found = strongest, found.interval.lowerBound >= Verdict.dormantLowerBound,
      let plan = examinations[found.index].candidate.plan
    else { return }
    try within("\(found.name), survival of the trigger", decides: false) {
      try $0.measureSurvival(of: found, plan)
    }
  }

  private mutating func measureSurvival(of found: Strongest, _ plan: QuantizationPlan) throws {
    try context.update("\(found.name), other roundings of the found trigger", 0)
    let survival = try TriggerSurvival(
      ensemble(plan), calibration: workbench.ranges, images: workbench.images,
      preprocessing: workbench.preprocessing, seed: context.seed, threads: context.threads)
    examinations[found.index].survival = try survival.measure(
      found.search.trigger, target: found.search.targetClass, images: audit.heldOut.unlabelled,
      floatClean: audit.floatClean)
  }
}

// MARK: - The strongest evidence

extension SearchWork {
  struct Strongest {
    var index: Int
    var name: String
    var search: DetectionReport.Search
    var difference: Double { search.differentialASR }
    var interval: ClosedRange<Double> { search.differentialASRInterval }
  }

  /// nil before anything was found.
  var strongest: Strongest? {
    examinations.indices.filter { audit.isUsable(examinations[$0]) }.compactMap { index in
      examinations[index].strongest.map {
        Strongest(index: index, name: examinations[index].name, search: $0)
      }
    }.max { $0.difference < $1.difference }
  }

  /// Pictures and distributions of the deployment with the strongest evidence; nil where no
  /// deployment has a plan. They explain and do not decide: without them the page still says
  /// everything.
  mutating func exhibits() throws -> Exhibits? {
    do {
      try Interruption.check()
      return try makeExhibits()
    } catch is Interruption.TimeIsUp {
      leaveOut("pictures: the budget was spent")
    } catch let error as CancellationError {
      throw error
    } catch {
      leaveOut("pictures: \(error)")
    }
    return nil
  }

  private func makeExhibits() throws -> Exhibits? {
    let found = strongest
    let shown =
      found?.index ?? examinations.indices.first { examinations[$0].candidate.plan != nil }
    guard let shown, let plan = examinations[shown].candidate.plan else { return nil }
    let (seed, threads) = (context.seed, context.threads)
    try context.update("pictures for the report", 0)
    let purified = try Purification(.efrap, seed: seed, threads: threads).run(
      calibration: workbench.ranges, scheme: plan.scheme, images: workbench.images)
    let images = audit.heldOut.prefix(Self.driftImages)
    var triggered = images.pixels
    try found?.search.trigger.apply(to: &triggered)
    let tensors = [images.pixels, triggered].map {
      workbench.preprocessing.tensor($0, shape: images.shape)
    }
    let drifts = try DriftEvidence.measure(
      plan, draws: (0..<settings.draws).map { StochasticRounding.draw($0, of: plan, seed: seed) },
      clean: tensors[0], triggered: found.map { _ in tensors[1] }, threads: threads
    ).exhibits
    return try Exhibits.make(
      Exhibits.Models(
        rounded: examinations[shown].deployed ?? plan.nearest(),
        purified: ("EFRAP", purified.rounded),
        integer: examinations[shown].candidate.integer, preprocessing: workbench.preprocessing),
      images: audit.heldOut, trigger: found?.search.trigger, target: found?.search.targetClass,
      drifts: drifts, seed: seed, threads: threads
    ) { context.tell("pictures for the report", $0) }
  }

  private static let driftImages = 200
}

extension DetectionAudit.Examination {
  /// A file by its name, else the scheme.
  var name: String { candidate.file.map(lastComponent) ?? candidate.scheme.rawValue }
}
