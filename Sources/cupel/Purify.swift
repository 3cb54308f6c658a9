import ArgumentParser
import FixedPoint
import Foundation
import Purification
import Quantization
import Support

extension Purification.Method: ExpressibleByArgument {}

/// `cupel purify`: as `compile`, but a defence decides which way each weight is rounded.
struct Purify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float model with a defence against dormant backdoors.",
    discussion: """
      Example:
        cupel purify models/resnet8-fmnist-pq-w8a8.onnx --method efrap --scheme w8a8 \
      -o purified.cupel
      """)

  @Argument(help: "ONNX file with BatchNormalization kept.") var model: String

  @Option(help: "The defence.") var method = Purification.Method.efrap

  @Option(
    help: ArgumentHelp(
      "w8a8, w4a8, w4a4 or w8a4, then any of .pt .pre .ema .pct .mse .full .edge8.",
      valueName: "scheme"), transform: { try Scheme($0) })
  var scheme: Scheme

  @Option(
    help: ArgumentHelp("Adam steps a layer. (default: as published, 10000)", valueName: "n"))
  var iterations: Int?

  @Option(
    help: ArgumentHelp(
      "Whose rounding the operators carry: tflm (the default), litert-reference or xnnpack.",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile = DeploymentProfile.tflm

  @Option(name: [.short, .long], help: "The .cupel file to write.") var output: String

  @OptionGroup var data: DataOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  func validate() throws {
    if let iterations, !(1...10_000_000).contains(iterations) {
      throw ValidationError("--iterations must lie in 1…10000000")
    }
  }

  func run() throws {
    try checkWritable(output, inputs: [model])
    let stopwatch = Stopwatch()
    let reporter = compute.reporter
    let workshop = try Workshop(
      model: FloatModel(path: model), data: data, calibration: calibration, schemes: [scheme],
      threads: compute.threads, reporter: reporter)
    let purified = try workshop.purified(
      scheme, method: method, iterations: iterations, profile: profile, reporter: reporter)
    try AtomicFile.write(purified.bytes, to: output)

    var table = TextTable([
      ("layer", .left), ("weights", .right), ("changed", .right), ("% changed", .right),
    ])
    for layer in purified.layers {
      table.add([
        layer.name, grouped(layer.weights), grouped(layer.changed),
        percent(Double(layer.changed) / Double(max(layer.weights, 1))),
      ])
    }
    print(table.text)
    print(
      "\n\(output): \(scheme), \(method.rawValue), \(kibibytes(purified.bytes.count)), "
        + String(format: "%.1f s", stopwatch.seconds))
  }
}
