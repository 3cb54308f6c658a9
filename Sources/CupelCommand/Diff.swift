import ArgumentParser
import Datasets
import FixedPoint
import HostRuntime
import ModelImport
import Support

/// `cupel diff`: two models, two profiles of one, or a model and another runtime's tensors, layer by
/// layer.
struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares what two integer models compute, tensor by tensor.",
    discussion: """
      The second model may be left out where a second profile is given, and may be a .npz file with \
      the tensors of another runtime: arrays named as the model's tensors, the batch first. Tensors \
      are matched by name, or by their order where names differ throughout and extents agree. \
      Differences are in units of the first model's grids.

      Examples:
        cupel diff vendor.tflite purified.cupel --data images/ --mean 0.5 --std 0.25
        cupel diff model.cupel --profile tflm --other-profile xnnpack --data images/
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
    var comparison =
      isDump
      ? try compare(first, with: TensorDump(path: second, layout: dumpLayout))
      : try compare(first, with: integerModel(second, otherProfile))
    comparison.finish()
    if let json { try writeJSON(comparison.report(model, second), to: json) }
    print(comparison.text(all: all))
  }

  private func integerModel(_ path: String, _ profile: DeploymentProfile?) throws -> IntegerModel {
    try LoadedModel(path: path, profile: profile, kernels: kernels.choice).integer()
  }

  // MARK: Images

  private func compare(
    _ first: IntegerModel, with second: IntegerModel
  ) throws -> TensorComparison {
    guard first.engine.inputShape == second.engine.inputShape else {
      throw Failure(
        "the models take images of \(first.engine.inputShape) and \(second.engine.inputShape)")
    }
    let one = TensorList(first.engine)
    let two = TensorList(second.engine)
    let pairs = try one.pairs(with: two)
    var comparison = TensorComparison(pairs, of: one)
    let images = try images(first)
    let quantizers = try [first, second].map { try quantizer($0) }
    let reporter = compute.reporter
    let batch = one.batch(with: two)
    for start in stride(from: 0, to: images.count, by: batch) {
      let end = min(start + batch, images.count)
      let pixels = images[start..<end].pixels
      var found: [Int: [Int8]] = [:]
      try second.engine.trace(quantizers[1].quantize(pixels)) { found[$0] = $1 }
      try first.engine.trace(quantizers[0].quantize(pixels)) { tensor, values in
        guard let other = pairs[tensor], let theirs = found[other] else { return }
        comparison.add(
          tensor, values.map(Int.init),
          two.converted(theirs, of: other, to: one.tensors[tensor].grid), firstImage: start)
      }
      reporter.update("comparing \(images.count) images", Double(end) / Double(images.count))
    }
    reporter.finish()
    return comparison
  }

  private func compare(_ first: IntegerModel, with dump: TensorDump) throws -> TensorComparison {
    let own = TensorList(first.engine)
    let input = own.tensors[own.input]
    let names = own.tensors.indices.filter { dump.names.contains(own.tensors[$0].name) }
    let others = names.filter { $0 != own.input }
    guard !others.isEmpty else {
      throw Failure("\(dump.path): none of its arrays has the name of a tensor of \(model)")
    }
    var comparison = TensorComparison(
      Dictionary(uniqueKeysWithValues: others.map { ($0, $0) }), of: own)
    let inputs: [Int8]
    if let stored = try dump.values(of: input) {
      guard stored.values.allSatisfy({ Int8(exactly: $0) != nil }) else {
        throw Failure(
          "\(dump.path): '\(printable(input.name))', the network's input, has values that are no "
            + "8-bit numbers")
      }
      inputs = stored.values.map { Int8($0) }
    } else {
      inputs = try quantizer(first).quantize(images(first).pixels)
    }
    let size = first.engine.inputCount
    let count = inputs.count / size
    var stored: [Int: [Int]] = [:]
    for index in others {
      guard let values = try dump.values(of: own.tensors[index]) else { continue }
      guard values.images >= count else {
        throw Failure(
          "\(dump.path): '\(printable(own.tensors[index].name))' has \(values.images) images, the "
            + "input \(count)")
      }
      stored[index] = values.values
    }
    let batch = own.batch(with: own)
    for start in stride(from: 0, to: count, by: batch) {
      let end = min(start + batch, count)
      try first.engine.trace(Array(inputs[start * size..<end * size])) { tensor, values in
        guard let theirs = stored[tensor] else { return }
        let elements = own.tensors[tensor].elementCount
        comparison.add(
          tensor, values.map(Int.init), Array(theirs[start * elements..<end * elements]),
          firstImage: start)
      }
    }
    return comparison
  }

  private func images(_ model: IntegerModel) throws -> ImageSet {
    try data.testImages(of: model.dataset, limit, model.preprocessing(data).resize)
  }

  private func quantizer(_ model: IntegerModel) throws -> InputQuantizer {
    try model.engine.quantizer(model.preprocessing(data))
  }
}
