import ArgumentParser
import FixedPoint
import Foundation
import Purification
import Quantization
import Support

/// `cupel purify`: as `compile`, but a defence decides which way each weight is rounded.
struct Purify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float model with a defence against dormant backdoors.",
    discussion: """
      Methods: auto (the best of the others, chosen for the model at hand), efrap, lac, lac-pda,
      qvec. They see unlabelled training images and nothing else.

      Example:
        cupel purify models/resnet8-fmnist-pq-w8a8.onnx --scheme w8a8 -o purified.cupel
      """)

  @Argument(help: "ONNX file with BatchNormalization kept.") var model: String

  @OptionGroup var purification: PurificationOptions

  @Option(
    help: ArgumentHelp(
      "w8a8, w4a8, w4a4 or w8a4, then any of .pt .pre .ema .pct .mse .full .edge8.",
      valueName: "scheme"), transform: { try Scheme($0) })
  var scheme: Scheme

  @Option(
    help: ArgumentHelp(
      "Whose rounding the operators carry: tflm (the default), litert-reference or xnnpack.",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile = DeploymentProfile.tflm

  @Option(name: [.short, .long], help: "The .cupel file to write.") var output: String

  @OptionGroup var data: DataOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    try checkWritable(output, inputs: [model])
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    let method = purification.purification(seed: calibration.seed, threads: compute.threads)
    let workshop = try Workshop(
      model: FloatModel(path: model), data: data, calibration: calibration, schemes: [scheme],
      searchesRanges: method.method == .auto, threads: compute.threads, reporter: reporter)
    let purified = try workshop.purified(scheme, by: method, profile: profile, reporter: reporter)
    try AtomicFile.write(purified.bytes, to: output)
    print(PurificationTable.text(purified.result))
    print(
      "\n\(output): \(scheme), \(purified.result.summary), \(kibibytes(purified.bytes.count)), "
        + String(format: "%.1f s", stopwatch.seconds))
  }
}
