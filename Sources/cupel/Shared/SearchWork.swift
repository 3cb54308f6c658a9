import Audit
import Datasets
import FixedPoint
import FloatGraph
import Foundation
import Purification
import Quantization
import Support

/// An audit without a trigger as it proceeds from deployment to deployment, cheap steps first.
struct SearchWork {
  let audit: DetectionAudit
  let budget: SearchBudget
  /// Whose rounding other roundings of the weights are measured with.
  let profile: DeploymentProfile
  let reporter: ProgressReporter
  private(set) var examinations: [DetectionAudit.Examination] = []
  /// What was not examined, one line each.
  private(set) var leftOut: [String] = []
  /// Whether nothing that could have changed the verdict was left out.
  private(set) var isComplete = true

  init(
    audit: DetectionAudit, budget: SearchBudget, profile: DeploymentProfile,
    reporter: ProgressReporter
  ) {
    (self.audit, self.budget, self.profile, self.reporter) = (audit, budget, profile, reporter)
  }

  /// A line that is there already is not said again.
  mutating func leaveOut(_ line: String) {
    if !leftOut.contains(line) { leftOut.append(line) }
  }

  mutating func begin(_ candidate: DetectionAudit.Candidate) throws {
    examinations.append(try audit.begin(candidate))
  }

  /// Searches families in every deployment that is of any use.
  ///
  /// - Parameter decisive: where a search has a lower bound above it already, nothing more is searched.
  mutating func search(_ families: [TriggerFamily], unless decisive: Double? = nil) throws {
    for (number, family) in families.enumerated() {
      for index in examinations.indices where audit.isUsable(examinations[index]) {
        if let decisive, let found = strongest, (found.interval.first ?? 0) >= decisive,
          audit.probability(examinations[found.index]) >= 0.5
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
  mutating func sharpen() throws {
    for index in examinations.indices
    where audit.isUsable(examinations[index]) && audit.promising(examinations[index]) != nil
      && !budget.isSpent
    {
      try search(.patch, index)
    }
  }

  private mutating func search(_ family: TriggerFamily, _ index: Int) throws {
    guard !examinations[index].searches.contains(where: { $0.family == family.rawValue })
    else { return }
    let name = examinations[index].name
    if family.needsPlan, examinations[index].candidate.plan == nil {
      leftOut.append("\(name), \(family.rawValue): no plan of the float model fits the file")
      isComplete = false
      return
    }
    let soFar = strongest.map {
      String(format: "; so far %.1f points, %@", 100 * $0.difference, $0.name)
    }
    let reporter = reporter
    let done = try audit.search(family, &examinations[index], budget: budget) {
      reporter.update("\(name), \(family.rawValue)\(soFar ?? "")", $0)
    }
    if !done {
      leaveOut("\(name), \(family.rawValue): the budget was spent")
      isComplete = false
    }
  }

  /// Evidence of the weights, and of what their rounding does to clean images.
  mutating func weigh(_ images: Tensor, seed: UInt64, threads: Int) throws {
    let count = min(images.batch, 128)
    let few = Tensor(
      batch: count, shape: images.shape, values: Array(images.values.prefix(count * images.stride)))
    for index in examinations.indices {
      let candidate = examinations[index].candidate
      guard let plan = candidate.plan else { continue }
      guard !budget.isSpent else {
        leftOut.append("\(examinations[index].name), weights: the budget was spent")
        isComplete = false
        continue
      }
      reporter.update("\(examinations[index].name), weights", 0)
      if let integers = candidate.integers {
        examinations[index].census = try? RoundingCensus(plan: plan, integers: integers)
        if examinations[index].census == nil {
          leftOut.append(
            "\(examinations[index].name): its layers are not the float model's; roundings not counted"
          )
        }
      } else {
        examinations[index].weights = WeightEvidence(plan)
        examinations[index].noise = try RoundingNoise(
          plan, images: few, seed: seed, threads: threads)
      }
    }
  }

  /// Where accuracy was lost: whether other roundings of the same weights lose it as well.
  mutating func compare(
    _ noticeable: (all: Double, oneClass: Double), draws: Int, seed: UInt64, threads: Int
  ) throws {
    for index in examinations.indices {
      let examination = examinations[index]
      guard let plan = examination.candidate.plan, examination.candidate.file == nil
      else { continue }
      let lost = audit.lost(examination)
      guard lost.all >= noticeable.all || lost.oneClass >= noticeable.oneClass else { continue }
      guard !budget.isSpent else {
        leftOut.append("\(examination.name), other roundings: the budget was spent")
        isComplete = false
        continue
      }
      reporter.update("\(examination.name), other roundings", 0)
      let ensemble = try RoundingEnsemble(plan, draws: draws, seed: seed, profile: profile)
      examinations[index].outlier = try ensemble.outlier(
        audit.heldOut.pixels, references: audit.heldOut.labels.map(Int.init),
        preprocessing: audit.preprocessing, threads: threads)
    }
  }

  /// Whether the strongest trigger needs the rounding under which it was found.
  ///
  /// It explains and does not decide, so that what it cannot do is said and no more.
  mutating func survive(
    _ workshop: Workshop, draws: Int, seed: UInt64, threads: Int
  ) {
    do { try measureSurvival(workshop, draws: draws, seed: seed, threads: threads) } catch {
      leftOut.append("survival of the trigger under other roundings: \(error)")
    }
  }

  private mutating func measureSurvival(
    _ workshop: Workshop, draws: Int, seed: UInt64, threads: Int
  ) throws {
    guard let found = strongest, (found.interval.first ?? 0) >= Verdict.dormantLowerBound,
      let plan = examinations[found.index].candidate.plan
    else { return }
    guard !budget.isSpent else {
      leftOut.append("\(found.name), survival of the trigger: the budget was spent")
      return
    }
    reporter.update("\(found.name), other roundings of the found trigger", 0)
    let survival = try TriggerSurvival(
      RoundingEnsemble(plan, draws: draws, seed: seed, profile: profile),
      calibration: workshop.ranges,
      images: workshop.images, preprocessing: workshop.preprocessing, seed: seed, threads: threads)
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
    var interval: [Double] { search.differentialASRInterval }
  }

  /// nil before anything was found.
  var strongest: Strongest? {
    examinations.indices.filter { audit.isUsable(examinations[$0]) }.compactMap { index in
      examinations[index].strongest.map {
        Strongest(index: index, name: examinations[index].name, search: $0)
      }
    }.max { $0.difference < $1.difference }
  }

  /// Pictures and distributions of the deployment with the strongest evidence; nil where no deployment
  /// has a plan.
  func exhibits(_ workshop: Workshop, draws: Int, seed: UInt64, threads: Int) throws -> Exhibits? {
    let found = strongest
    let shown =
      found?.index ?? examinations.indices.first { examinations[$0].candidate.plan != nil }
    guard let shown, let plan = examinations[shown].candidate.plan else { return nil }
    reporter.update("pictures for the report", 0)
    let purified = try Purification(.efrap, seed: seed, threads: threads).run(
      calibration: workshop.ranges, scheme: plan.scheme, images: workshop.images)
    let images = audit.heldOut.prefix(Self.driftImages)
    func tensor(_ pixels: [UInt8]) -> Tensor {
      Tensor(
        batch: images.count, shape: [images.channels, images.height, images.width],
        values: workshop.preprocessing.normalize(
          pixels, channels: images.channels, height: images.height, width: images.width))
    }
    var triggered = images.pixels
    try found?.search.trigger.apply(to: &triggered)
    let drifts = try DriftEvidence.measure(
      plan, draws: (0..<draws).map { StochasticRounding.draw($0, of: plan, seed: seed) },
      clean: tensor(images.pixels), triggered: found.map { _ in tensor(triggered) },
      threads: threads
    ).exhibits
    return try Exhibits.make(
      Exhibits.Models(
        rounded: examinations[shown].deployed ?? plan.nearest(),
        purified: .init(method: "EFRAP", rounded: purified.rounded),
        integer: examinations[shown].candidate.integer, preprocessing: workshop.preprocessing),
      images: audit.heldOut, trigger: found?.search.trigger, target: found?.search.targetClass,
      drifts: drifts, seed: seed, threads: threads
    ) { reporter.update("pictures for the report", $0) }
  }

  private static let driftImages = 200
}

extension DetectionAudit.Examination {
  /// A file by its name, else the scheme.
  var name: String { candidate.file.map(lastComponent) ?? candidate.scheme }
}
