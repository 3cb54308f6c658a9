import ArgumentParser
import Cupel
import CupelSupport
import Foundation

/// `cupel purify`: as `compile`, but a defence decides which way each weight is rounded.
struct Purify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float model with a defence against dormant backdoors.",
    discussion: """
      These methods see unlabelled training images and nothing else: auto (which tries what suits \
      the model at hand), efrap, lac, lac-pda, qvec. efrap:adam, lac:adam and lac-pda:adam use the \
      published solvers. These baselines tune the float model on labelled training images, and \
      round it to nearest afterwards: ft, fp, mcr, nad, nad-pda, ibau, ft-sam, ft-sam-pda.

      The model may be a float .tflite file, or an ONNX file. PDA, which lac-pda, nad-pda, \
      ft-sam-pda and perhaps auto use, needs BatchNormalization, which exporters fold away unless \
      they are told to keep it: docs/exchange.md says how.

      --to float-onnx and --to float-tflite write the float model itself, with its graph and its \
      BatchNormalization, and with each weight in the middle of the cell of its purified integer: \
      a converter that rounds to nearest, with the scheme's bits and granularity, makes these \
      integers of it.

      Examples:
        cupel purify models/resnet8-fmnist-pq-w8a8.onnx --scheme w8a8 \\
          --catalogue models/catalogue.json -o purified.cupel
        cupel purify models/resnet8-fmnist-pq-w8a8.onnx --scheme w8a8 \\
          --to float-onnx --catalogue models/catalogue.json -o purified.onnx
      """)

  @Argument(
    help: "A float model: a .tflite file, or an ONNX file, best with BatchNormalization kept.")
  var model: String

  @Option(
    help: ArgumentHelp("The defence. (default: auto)", valueName: "name"),
    transform: Defence.init)
  var method = Defence.rounding(.auto, .fast)

  @OptionGroup var defence: DefenceOptions

  @Option(
    help: ArgumentHelp(
      "w8a8, w4a8, w4a4, w8a4, w8a16 or w4a16, then any of .pt .pre .ema .pct .mse .full .edge8.",
      valueName: "scheme"), transform: { try Scheme($0) })
  var scheme: Scheme

  @Option(
    help: ArgumentHelp(
      "Whose rounding the operators carry: \(DeploymentProfile.list). (default: tflm)",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile = DeploymentProfile.tflm

  @Option(
    help: ArgumentHelp(
      "What to write: cupel, or the float model in the file's own format as float-onnx or "
        + "float-tflite. (default: cupel)", valueName: "form"), transform: PurifiedForm.parse)
  var to = PurifiedForm.cupel

  @Option(name: [.short, .long], help: "The file to write.") var output: String

  @Option(
    help: ArgumentHelp(
      "With a float model: a .cupel file with its integers, to compare a converter's with.",
      valueName: "file"))
  var integers: String?

  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    guard to != .cupel else {
      guard integers == nil else { throw ValidationError("--integers is for --to float-…") }
      return
    }
    guard case .rounding = method else {
      throw ValidationError("--to \(to.rawValue) needs a method that chooses roundings, as auto")
    }
    guard !scheme.fullRange else {
      throw ValidationError("--to \(to.rawValue): converters have no weights of .full's range")
    }
  }

  func run() throws {
    try checkWritable(
      output, integers, inputs: [model] + catalogue.inputs + data.inputs)
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    var settings = defence.settings
    settings.holdsScales = to != .cupel
    let float = try FloatModel(path: model, catalogue: catalogue.read())
    // Before the long work: what cannot be written need not be computed.
    let file = to == .cupel ? nil : try to.file(of: float)
    let calibrated = try Workbench(
      float, data: data, calibration: calibration, schemes: [scheme],
      context: compute.context(reporter, seed: calibration.seed))
    let workbench = try calibrated.tuned(
      by: method, settings: settings,
      on: data.images(
        .train, for: float, size: calibrated.preprocessing.resize))
    let deployed = try workbench.rounded(
      scheme, by: method, settings: settings, profile: profile)
    let centered = try file.map { try workbench.centered(deployed, in: $0) }
    let told = try centered.map { try lines(on: $0, of: workbench) }
    reporter.finish()
    try centered?.write(to: output)
    if let path = centered == nil ? output : integers { try deployed.write(to: path) }
    if let result = deployed.purification { print(PurificationTable.text(result) + "\n") }
    if float.batchNormalizations == 0, method.usesNormalization {
      print(
        "note: the model has no BatchNormalization, and PDA compares statistics with those that it "
          + "has kept: nothing was moved. If the exporter folded it, docs/exchange.md says how to "
          + "keep it\n")
    }
    if let told { print(told) }
    print(
      "\(output): \(scheme), \(deployed.summary), "
        + "\(kibibytes(centered?.bytes.count ?? deployed.bytes.count)), "
        + String(format: "%.1f s", stopwatch.seconds))
  }

  /// Most test images that a float model is measured on.
  private static let testImages = 2000

  /// What became of the float model, on test images too where there are some.
  private func lines(on centered: CenteredModel, of workbench: Workbench) throws -> String {
    let images: ImageSet
    do {
      images = try data.images(
        .test, for: workbench.model, limit: Self.testImages,
        size: workbench.preprocessing.resize)
    } catch let error as DatasetError where error.isMissing {
      return CenteredText.text(centered, scheme: scheme)
    }
    let right = try [workbench.graph, centered.graph].map { graph in
      let classifier = try FloatClassifier(
        graph: graph, preprocessing: workbench.preprocessing, threads: compute.threads)
      let answers = try classifier.answers(to: images, trigger: nil)
      return zip(answers, images.labels).count { $0 == Int($1) }
    }
    return CenteredText.text(
      centered, scheme: scheme, right: (right[0], right[1]), of: images.count)
  }
}
