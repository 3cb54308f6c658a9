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

      Example:
        cupel purify models/resnet8-fmnist-pq-w8a8.onnx --scheme w8a8 \\
          --catalogue models/catalogue.json -o purified.cupel
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

  @Option(name: [.short, .long], help: "The .cupel file to write.") var output: String

  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    try checkWritable(output, inputs: [model] + catalogue.inputs + data.inputs)
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    let settings = defence.settings
    let float = try FloatModel(path: model, catalogue: catalogue.read())
    let calibrated = try Workbench(
      float, data: data, calibration: calibration, schemes: [scheme],
      context: compute.context(reporter, seed: calibration.seed))
    let workbench = try calibrated.tuned(
      by: method, settings: settings,
      on: data.images(
        .train, for: float, size: calibrated.preprocessing.resize))
    let deployed = try workbench.rounded(
      scheme, by: method, settings: settings, profile: profile)
    reporter.finish()
    try deployed.write(to: output)
    if let result = deployed.purification { print(PurificationTable.text(result) + "\n") }
    if float.batchNormalizations == 0, method.usesNormalization {
      print(
        "note: the model has no BatchNormalization, and PDA compares statistics with those that it "
          + "has kept: nothing was moved. If the exporter folded it, docs/exchange.md says how to "
          + "keep it\n")
    }
    print(
      "\(output): \(scheme), \(deployed.summary), \(kibibytes(deployed.bytes.count)), "
        + String(format: "%.1f s", stopwatch.seconds))
  }
}
