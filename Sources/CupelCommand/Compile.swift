import ArgumentParser
import Cupel
import CupelSupport

/// `cupel compile`: calibrate, round to nearest, lower, write.
struct Compile: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Quantizes a float model by nearest rounding and writes a .cupel file.",
    discussion: """
      A model that holds integers already keeps them, with their scales and zero points; it takes \
      no scheme and no images.

      Examples:
        cupel compile models/resnet8-fmnist-clean-a.onnx --scheme w8a8 \\
          --catalogue models/catalogue.json -o clean.cupel
        cupel compile vendor-int8.tflite --profile litert-reference -o vendor.cupel
      """)

  @Argument(help: "A .tflite or ONNX file. A float ONNX file best has BatchNormalization kept.")
  var model: String

  @Option(
    help: ArgumentHelp(
      "w8a8, w4a8, w4a4, w8a4, w8a16 or w4a16, then any of .pt .pre .ema .pct .mse .full .edge8.",
      valueName: "scheme"), transform: { try Scheme($0) })
  var scheme: Scheme?

  @Option(
    help: ArgumentHelp(
      "Whose rounding the operators carry: \(DeploymentProfile.list). "
        + "(default: tflm; onnxruntime for a quantized ONNX file)",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @Option(name: [.short, .long], help: "The .cupel file to write.") var output: String

  @OptionGroup var data: DataOptions
  @OptionGroup var catalogue: CatalogueOptions
  @OptionGroup var calibration: CalibrationOptions
  @OptionGroup var compute: ComputeOptions

  func run() throws {
    try checkWritable(output, inputs: [model] + catalogue.inputs)
    let file = try VendorFile(path: model, profile: profile)
    switch file.model {
    case .integer:
      guard scheme == nil else {
        throw ValidationError("--scheme is for float models; this one is quantized already")
      }
      if data.isGiven {
        warn("\(model) holds integers already: options about images and their pixels are not used")
      }
      let bytes = try file.integerBytes()
      try AtomicFile.write(bytes, to: output)
      print("\(output): the vendor's integers, \(file.profile.name), \(kibibytes(bytes.count))")
    case .float(let graph):
      guard let scheme else {
        throw ValidationError("a float model needs a --scheme, such as w8a8")
      }
      let reporter = compute.reporter
      let workbench = try Workbench(
        FloatModel(file, graph: graph, catalogue: catalogue.read()), data: data,
        calibration: calibration, schemes: [scheme],
        context: compute.context(reporter, seed: calibration.seed))
      reporter.finish()
      let rounded = try workbench.rounded(scheme, profile: profile ?? .tflm)
      try rounded.write(to: output)
      print("\(output): \(scheme), nearest rounding, \(kibibytes(rounded.bytes.count))")
    }
  }
}
