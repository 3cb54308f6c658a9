import ArgumentParser
import Cupel
import CupelSupport
import Foundation

/// `cupel purify`: as `compile`, but a defence decides which way each weight is rounded.
struct Purify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float model with a defence against dormant backdoors.",
    discussion: """
      Methods that see unlabelled training images and nothing else: auto (the best of the others, \
      chosen for the model at hand), efrap, lac, lac-pda, qvec. Of efrap, lac and lac-pda the \
      published solvers are efrap:adam and so on. Baselines that tune the float model on labelled \
      training images before it is rounded to nearest: ft, fp, mcr, nad, nad-pda, ibau, ft-sam, \
      ft-sam-pda.

      Example:
        cupel purify models/resnet8-fmnist-pq-w8a8.onnx --catalogue models/catalogue.json \\
          --scheme w8a8 -o purified.cupel
      """)

  @Argument(help: "ONNX file with BatchNormalization kept.") var model: String

  @Option(
    help: ArgumentHelp("The defence. (default: auto)", valueName: "name"),
    transform: Defence.init)
  var method = Defence.rounding(.auto, .fast)

  @OptionGroup var defence: DefenceOptions

  @Option(
    help: ArgumentHelp(
      "w8a8, w4a8, w4a4 or w8a4, then any of .pt .pre .ema .pct .mse .full .edge8.",
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
    print(
      "\(output): \(scheme), \(deployed.summary), \(kibibytes(deployed.bytes.count)), "
        + String(format: "%.1f s", stopwatch.seconds))
  }
}
