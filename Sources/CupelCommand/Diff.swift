import ArgumentParser
import Cupel

/// `cupel diff`: two models, two profiles of one, or a model and another runtime's tensors, layer
/// by layer.
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares what two integer models compute, tensor by tensor.",
    discussion: """
      The second model may be left out where a second profile is given, and may be a .npz file with \
      the tensors of another runtime: arrays named as the model's tensors, the batch first. Tensors \
      are matched by name, or by their order where names differ throughout and extents agree. \
      Differences are in units of the first model's grids.

      Examples:
        cupel diff vendor.tflite purified.cupel --data images --mean 0.5 --std 0.25
        cupel diff model.cupel --profile tflm --other-profile xnnpack --data images
        cupel diff model.onnx tensors.npz --dump-layout nchw
      """)

  @Argument(help: "An integer model: .cupel, .tflite or quantized ONNX.") var model: String
  @Argument(help: "Another one, or a .npz file with tensors.") var other: String?

  @Option(
    help: ArgumentHelp(
      "Round the first as this runtime: \(DeploymentProfile.list).", valueName: "profile"),
    transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @Option(
    help: ArgumentHelp("Round the second as this runtime.", valueName: "profile"),
    transform: DeploymentProfile.parse)
  var otherProfile: DeploymentProfile?

  @Option(help: ArgumentHelp("Test images to compare on.", valueName: "n")) var limit = 100

  @Option(
    help: ArgumentHelp(
      "Order of the axes of a .npz file's images: nchw or nhwc. Needed where extents do not tell.",
      valueName: "order"), transform: TensorDump.Layout.parse)
  var dumpLayout: TensorDump.Layout?

  @Flag(help: "Show tensors that are equal as well.") var all = false

  @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file")) var json: String?

  @OptionGroup var data: DataOptions
  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions

  func validate() throws {
    guard limit >= 1 else { throw ValidationError("--limit must be at least 1") }
    guard other != nil || otherProfile != nil else {
      throw ValidationError("give a second model, or --other-profile")
    }
    guard otherProfile == nil || !isDump else {
      throw ValidationError("--other-profile is for models; \(other ?? "") holds tensors")
    }
    guard dumpLayout == nil || isDump else {
      throw ValidationError("--dump-layout is for .npz files")
    }
  }

  private var isDump: Bool { other?.hasSuffix(".npz") ?? false }

  func run() throws {
    try checkWritable(json, inputs: [model] + [other].compactMap { $0 })
    let first = try integerModel(model, profile)
    let second = other ?? model
    let preprocessing = try data.preprocessing()
    func images() throws -> ImageSet {
      try data.images(
        .test, of: first.dataset, classCount: nil,
        channels: first.engine.inputShape.channels, limit: limit,
        size: data.preprocessing(of: first).resize)
    }
    func otherModel() throws -> IntegerModel {
      let model = try integerModel(second, otherProfile)
      // Of the same file it is told once.
      if other != nil { warn(of: model.overridden(by: preprocessing), in: second) }
      return model
    }
    let reporter = compute.reporter
    let comparison =
      isDump
      ? try TensorComparison(
        first, with: TensorDump(path: second, layout: dumpLayout), on: images,
        preprocessing: preprocessing)
      : try TensorComparison(
        first, with: otherModel(), on: images, preprocessing: preprocessing,
        context: compute.context(reporter))
    reporter.finish()
    if let json { try JSONText.write(comparison.report(model, second), to: json) }
    print(comparison.text(all: all))
  }

  private func integerModel(_ path: String, _ profile: DeploymentProfile?) throws -> IntegerModel {
    try LoadedModel(path: path, profile: profile, site: kernels.site()).integer()
  }
}

extension TensorDump.Layout {
  static func parse(_ name: String) throws -> TensorDump.Layout {
    try TensorDump.Layout(rawValue: name.lowercased()).orInvalid("it is neither nchw nor nhwc")
  }
}
