import CupelAudit
import CupelDatasets
import CupelHostRuntime
import CupelPurification
import CupelQuantization
import CupelSupport

/// Compares defences on one model.
package struct ComparisonBench {
  let workbench: Workbench
  let images: ImageSet
  /// nil where no trigger is known: then accuracy alone is measured.
  let audit: KnownTriggerAudit?
  let settings: Defence.Settings
  /// The training set with its classes, which baselines alone ask for.
  let labelled: () throws -> ImageSet

  private var model: FloatModel { workbench.model }

  package init(
    _ workbench: Workbench, images: ImageSet, audit: KnownTriggerAudit?,
    settings: Defence.Settings, labelled: @escaping () throws -> ImageSet
  ) {
    self.workbench = workbench
    self.images = images
    self.audit = audit
    self.settings = settings
    self.labelled = labelled
  }

  /// - Parameter awake: least ASR of nearest rounding for a scheme to count.
  package func compare(
    _ methods: [Defence], schemes: [Scheme], awake: Double
  ) throws -> [ComparisonRow] {
    let float = try measured(
      FloatClassifier(
        graph: model.graph, preprocessing: workbench.preprocessing,
        threads: workbench.context.threads), "float")
    var nearest: [Scheme: AttackMeasurement] = [:]
    var rows: [Scheme: [ComparisonRow]] = [:]
    // A baseline's training, hours for some, serves all schemes: so methods are the outer loop.
    for method in [Defence.nearest] + methods where method != .nearest || nearest.isEmpty {
      let wanted = method == .nearest ? schemes : schemes.filter { rows[$0] != nil }
      guard !wanted.isEmpty else { continue }
      let training = Stopwatch()
      let tuned = try workbench.tuned(by: method, settings: settings, on: labelled())
      let trainingSeconds = training.seconds
      for scheme in wanted {
        let stopwatch = Stopwatch()
        let deployed = try tuned.rounded(scheme, by: method, settings: settings)
        let seconds = stopwatch.seconds + trainingSeconds
        let after = try measured(
          IntegerClassifier(
            engine: deployed.engine(), preprocessing: workbench.preprocessing,
            threads: workbench.context.threads), "\(method.name), \(scheme)")
        if method == .nearest {
          guard after.attackSuccessRate.value >= awake else { continue }
          nearest[scheme] = after
        }
        rows[scheme, default: []].append(
          row(method, scheme, deployed, after, nearest[scheme]!, float, seconds))
      }
    }
    return schemes.flatMap { rows[$0] ?? [] }
  }

  private func measured(
    _ classifier: some Classifier, _ title: String
  ) throws -> AttackMeasurement {
    func report(_ share: Double) throws {
      try workbench.context.update("\(model.name): \(title) on \(images.count) images", share)
    }
    if let audit { return try audit.measure(classifier, progress: report) }
    return AttackMeasurement(
      clean: try classifier.answers(to: images, trigger: nil, progress: report), triggered: [],
      labels: images.labels, target: nil)
  }

  private func row(
    _ method: Defence, _ scheme: Scheme, _ deployed: RoundedModel, _ after: AttackMeasurement,
    _ nearest: AttackMeasurement, _ float: AttackMeasurement, _ seconds: Double
  ) -> ComparisonRow {
    let flipped = deployed.purification.map { result in
      let weights = result.layers.reduce(0) { $0 + $1.weights }
      return Double(result.layers.reduce(0) { $0 + $1.changed }) / Double(max(weights, 1))
    }
    func known<Value>(_ value: Value) -> Value? { audit == nil ? nil : value }
    return ComparisonRow(
      model: model.name, scheme: scheme.description, method: method.name,
      benignAccuracy: after.benignAccuracy.value,
      floatBenignAccuracy: float.benignAccuracy.value,
      classAccuracies: after.classAccuracies(images.labels, classCount: model.classCount),
      floatClassAccuracies: float.classAccuracies(images.labels, classCount: model.classCount),
      samplesLost: model.specimen?.samples.flatMap {
        after.shareLost(of: $0.map(\.image), float: float)
      },
      attackSuccessRate: known(after.attackSuccessRate.value),
      floatAttackSuccessRate: known(float.attackSuccessRate.value),
      der: known(after.defenceEffectiveness(before: nearest)),
      shortfall: known(after.shortfall(nearest: nearest, float: float)),
      flipped: flipped,
      divergence: deployed.purification.map(\.drift.divergence).flatMap { $0.isFinite ? $0 : nil },
      seconds: seconds, summary: deployed.summary)
  }
}
