import ArgumentParser
import Cupel
import CupelSupport
import Foundation

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

  func run() throws {
    let stopwatch = Stopwatch()
    let images = try ImageSet.load(path: data, split: .test)
    let catalogue = try Catalogue(path: "\(models)/catalogue.json")
    let specimens = try Self.specimens.map { name in
      try FloatModel(path: "\(models)/\(name).onnx", catalogue: catalogue)
    }
    try createFolder(output) { _ in "cannot create folder \(output)" }
    let rows = try zip(Self.specimens, specimens).flatMap { name, model in
      try audit(name, model, images: images)
    }
    let report = DemoReport(images: images.count, seconds: stopwatch.seconds, rows: rows)
    try JSONText.write(report, to: "\(output)/audit.json")
    print(report.text)
    print(
      "\nwritten to \(output): audit.json and the .cupel files; "
        + String(format: "%.0f s in all", report.seconds))
  }

  private func audit(_ name: String, _ model: FloatModel, images: ImageSet) throws -> [DemoReport
    .Row]
  {
    let reporter = compute.reporter
    let context = compute.context(reporter, seed: calibration.seed)
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
    func deployed(_ rounded: RoundedModel, as stageName: String) throws -> Stage {
      try rounded.write(to: "\(output)/\(name)-\(stageName).cupel")
      return try stage(
        stageName, rounded.bytes.count,
        IntegerClassifier(
          engine: rounded.engine(), preprocessing: preprocessing, threads: compute.threads))
    }

    let float = try stage(
      "float", model.bytes,
      FloatClassifier(
        graph: model.graph, preprocessing: preprocessing, threads: compute.threads))
    let workbench = try Workbench(
      model,
      images: calibration.images(
        data, size: preprocessing.resize, channels: model.imageShape?.channels),
      preprocessing: preprocessing, schemes: [scheme], context: context)
    let nearest = try deployed(workbench.rounded(scheme), as: "nearest")
    let purified = try deployed(workbench.rounded(scheme, by: .auto), as: "purified")

    return [float, nearest, purified].map { stage in
      DemoReport.Row(
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
}
