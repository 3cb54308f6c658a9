import Audit
import Datasets
import Foundation
import HostRuntime
import Purification
import Quantization
import Support

/// What `compare --json` writes. Shares are fractions.
struct ComparisonReport: Encodable {
  let schemaVersion = 1
  var settings: Settings
  var rows: [ComparisonRow]
}

extension ComparisonReport {
  /// What the rows were made with.
  struct Settings: Encodable {
    /// Of the test set; null for all.
    var limit: Int?
    var calibration: Int
    var seed: UInt64
    /// Share of calibration images with the trigger on them.
    var poisoned: Double
    /// Published solvers' steps a layer.
    var iterations: Int
    /// null: 500 with published solvers and baselines, 2 with fast ones.
    var pdaSteps: Int?
    var pdaRadius: Float
    var pdaForm: String
    /// null: as published.
    var epochs: Int?
    /// null: 5 % of the training set.
    var labelled: Int?
  }
}

/// One integer model.
struct ComparisonRow: Encodable {
  var model: String
  var scheme: String
  /// As on the command line; "nearest" for what the defences are compared with.
  var method: String
  var benignAccuracy: Double
  var floatBenignAccuracy: Double
  /// Class by class; null for a class that there is no image of.
  var classAccuracies: [Double?]
  var floatClassAccuracies: [Double?]
  /// Of the test images that the catalogue says the attack aimed at and that are measured on, the share
  /// that the float model is right about and this one is not; absent where there are none.
  var samplesLost: Double?
  /// These four are absent for a model of which no trigger is known.
  var attackSuccessRate: Double?
  var floatAttackSuccessRate: Double?
  var der: Double?
  /// See `AttackMeasurement.shortfall`.
  var shortfall: Double?
  /// Of the weights, those whose integer is not nearest rounding's; null where nothing was rounded
  /// anew.
  var flipped: Double?
  /// From the float model on the calibration images, nats.
  var divergence: Double?
  /// Of making the integer model: calibration, which all share, is not in it.
  var seconds: Double
  /// What the method settled on.
  var summary: String
}

/// Compares defences on one model.
struct ComparisonBench {
  let images: ImageSet
  /// nil where no trigger is known: then accuracy alone is measured.
  let audit: KnownTriggerAudit?
  let model: FloatModel
  let defence: DefenceOptions
  let threads: Int
  let reporter: ProgressReporter

  /// - Parameter awake: least ASR of nearest rounding for a scheme to count.
  func compare(
    _ methods: [Defence], in workshop: Workshop, schemes: [Scheme], awake: Double
  ) throws -> [ComparisonRow] {
    let classifier = try FloatClassifier(
      graph: model.graph, preprocessing: workshop.preprocessing, threads: threads)
    let float = try measured(classifier, "float")
    var nearest: [Scheme: AttackMeasurement] = [:]
    var rows: [Scheme: [ComparisonRow]] = [:]
    // A baseline's training, hours for some, serves all schemes: so methods are the outer loop.
    for method in [Defence.nearest] + methods where method != .nearest || nearest.isEmpty {
      let wanted = method == .nearest ? schemes : schemes.filter { rows[$0] != nil }
      guard !wanted.isEmpty else { continue }
      let training = Stopwatch()
      let tuned = try workshop.tuned(by: method, options: defence)
      let trainingSeconds = training.seconds
      for scheme in wanted {
        let stopwatch = Stopwatch()
        let deployed = try tuned.deployed(scheme, by: method, options: defence, profile: .tflm)
        let seconds = stopwatch.seconds + trainingSeconds
        let after = try measured(
          IntegerClassifier(
            engine: try IntegerEngine(bytes: deployed.bytes),
            preprocessing: workshop.preprocessing, threads: threads),
          "\(method.name), \(scheme)")
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
    func report(_ share: Double) {
      reporter.update("\(model.name): \(title) on \(images.count) images", share)
    }
    defer { reporter.finish() }
    if let audit { return try audit.measure(classifier, progress: report) }
    return AttackMeasurement(
      clean: try classifier.answers(to: images, trigger: nil, progress: report), triggered: [],
      labels: images.labels, target: nil)
  }

  private func row(
    _ method: Defence, _ scheme: Scheme, _ deployed: Workshop.Deployed, _ after: AttackMeasurement,
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

/// A comparison for people.
enum ComparisonTable {
  static func text(_ rows: [ComparisonRow]) -> String {
    var table = TextTable([
      ("model", .left), ("scheme", .left), ("method", .left), ("BA %", .right), ("ASR %", .right),
      ("DER %", .right), ("shortfall", .right), ("% flipped", .right), ("time", .right),
    ])
    var last: ComparisonRow?
    for row in rows {
      if let last, (last.model, last.scheme) != (row.model, row.scheme) { table.addGap() }
      if last?.model != row.model {
        table.add([
          row.model, "", "float", percent(row.floatBenignAccuracy),
          row.floatAttackSuccessRate.map(percent) ?? "",
        ])
        table.addGap()
      }
      table.add([
        row.model, row.scheme, row.method, percent(row.benignAccuracy),
        row.attackSuccessRate.map(percent) ?? "",
        row.method == "nearest" ? "" : row.der.map(percent) ?? "",
        row.method == "nearest" ? "" : row.shortfall.map(percent) ?? "",
        row.flipped.map(percent) ?? "", String(format: "%.1f s", row.seconds),
      ])
      last = row
    }
    return ([table.text] + means(rows)).joined(separator: "\n")
  }

  /// Mean shortfall of each method over all rows, and its worst.
  private static func means(_ rows: [ComparisonRow]) -> [String] {
    var table = TextTable([
      ("method", .left), ("rows", .right), ("mean shortfall", .right), ("worst", .right),
      ("worst ASR %", .right),
    ])
    let known = rows.filter { $0.method != "nearest" && $0.shortfall != nil }
    var seen = Set<String>()
    for name in known.map(\.method) where seen.insert(name).inserted {
      let own = known.filter { $0.method == name }
      let shortfalls = own.compactMap(\.shortfall)
      table.add([
        name, String(own.count), percent(shortfalls.reduce(0, +) / Double(own.count)),
        percent(shortfalls.max() ?? 0), percent(own.compactMap(\.attackSuccessRate).max() ?? 0),
      ])
    }
    return known.isEmpty ? [] : ["", table.text]
  }
}
