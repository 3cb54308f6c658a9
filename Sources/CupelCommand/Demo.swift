import ArgumentParser
import Audit
import Datasets
import Foundation
import HostRuntime
import Purification
import Quantization
import Support
import Triggers

/// `cupel demo`: the whole path on two infected specimens.
struct Demo: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Audits two infected specimens, purifies them, and audits them again.",
    discussion: """
      Example:
        cupel demo --models models --output out/demo
      """)

  @Option(help: "Folder with the specimens and their catalogue.") var models = "models"
  @Option(name: [.short, .long], help: "Folder to write to.") var output = "out/demo"
  @Option(help: "Folder with the images.") var data = DataOptions.fashionMNIST
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  private static let specimens = ["resnet8-fmnist-pq-w8a8", "resnet8-fmnist-quanti-w4a4"]

  /// What `audit.json` holds.
  struct Report: Encodable {
    let schemaVersion = 1
    var images: Int
    var seconds: Double
    var rows: [Row]
  }

  /// One model at one stage. Shares are fractions.
  struct Row: Encodable {
    var specimen: String
    /// "float", "nearest" or "purified".
    var stage: String
    var scheme: String
    var benignAccuracy: Double
    var attackSuccessRate: Double
    /// Against nearest rounding, which itself has 0.5; for "float" what not quantizing would give.
    var der: Double
    var bytes: Int
    var seconds: Double
    var verdict: String?
  }

  func run() throws {
    let stopwatch = Stopwatch()
    let images = try ImageSet.load(path: data, split: .test)
    let specimens = try Self.specimens.map { name in
      try FloatModel(path: "\(models)/\(name).onnx")
    }
    try createFolder(output)
    let rows = try zip(Self.specimens, specimens).flatMap { name, model in
      try audit(name, model, images: images)
    }
    let report = Report(images: images.count, seconds: stopwatch.seconds, rows: rows)
    try writeJSON(report, to: "\(output)/audit.json")
    print(Self.table(report))
    print(
      "\nwritten to \(output): audit.json and the .cupel files; "
        + String(format: "%.0f s in all", report.seconds))
  }

  private func audit(_ name: String, _ model: FloatModel, images: ImageSet) throws -> [Row] {
    let reporter = compute.reporter
    guard let specimen = model.specimen, let scheme = try specimen.attackedScheme(),
      let trigger = try specimen.knownTrigger(), let target = specimen.targetClass
    else {
      throw Failure("\(models)/catalogue.json says nothing of \(name).onnx as it is here")
    }
    let audit = KnownTriggerAudit(images: images, trigger: trigger, target: target)
    let preprocessing = specimen.preprocessing

    typealias Stage = (name: String, measurement: AttackMeasurement, bytes: Int, seconds: Double)
    var stopwatch = Stopwatch()
    func stage(_ stage: String, _ bytes: Int, _ classifier: some Classifier) throws -> Stage {
      let measurement = try audit.measure(classifier) {
        reporter.update("\(name): \(stage) on \(images.count) images", $0)
      }
      reporter.finish()
      defer { stopwatch = Stopwatch() }
      return (stage, measurement, bytes, stopwatch.seconds)
    }
    func deployed(_ bytes: [UInt8], as stageName: String) throws -> Stage {
      try AtomicFile.write(bytes, to: "\(output)/\(name)-\(stageName).cupel")
      return try stage(
        stageName, bytes.count,
        IntegerClassifier(
          engine: try IntegerEngine(bytes: bytes), preprocessing: preprocessing,
          threads: compute.threads))
    }

    let float = try stage(
      "float", model.bytes,
      FloatClassifier(
        graph: model.graph, preprocessing: preprocessing, threads: compute.threads))
    let workshop = try Workshop(
      model: model, folder: data, preprocessing: preprocessing, calibration: calibration,
      schemes: [scheme], threads: compute.threads, reporter: reporter)
    let nearest = try deployed(workshop.nearest(scheme, profile: .tflm), as: "nearest")
    let purified = try deployed(
      workshop.deployed(
        scheme, by: .rounding(.auto, .fast), options: .parse([]), profile: .tflm
      ).bytes, as: "purified")

    return [float, nearest, purified].map { stage in
      Row(
        specimen: name, stage: stage.name, scheme: scheme.description,
        benignAccuracy: stage.measurement.benignAccuracy.value,
        attackSuccessRate: stage.measurement.attackSuccessRate.value,
        der: stage.measurement.defenceEffectiveness(before: nearest.measurement),
        bytes: stage.bytes, seconds: stage.seconds,
        verdict: stage.name == "float"
          ? nil
          : Verdict(float: float.measurement, deployments: [stage.measurement]).rawValue)
    }
  }

  private static func table(_ report: Report) -> String {
    var table = TextTable([
      ("specimen", .left), ("scheme", .left), ("model", .left), ("BA %", .right),
      ("ASR %", .right), ("DER %", .right), ("size", .right), ("time", .right),
      ("verdict", .left),
    ])
    for (index, row) in report.rows.enumerated() {
      if index > 0, row.stage == "float" { table.addGap() }
      table.add([
        row.specimen, row.scheme, row.stage, percent(row.benignAccuracy),
        percent(row.attackSuccessRate), row.stage == "purified" ? percent(row.der) : "",
        kibibytes(row.bytes), String(format: "%.1f s", row.seconds), row.verdict ?? "",
      ])
    }
    return table.text
  }

  private func createFolder(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw Failure("cannot create folder \(path)", exitCode: Failure.cannotWrite)
    }
  }
}
