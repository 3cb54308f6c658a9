import ArgumentParser
import FixedPoint
import FloatGraph
import Foundation
import HostRuntime
import IntegerOperators
import IntegerRuntime
import ModelFormat
import Support

/// `cupel dump`: what a model computes from raw tensors, tensor by tensor.
struct Dump: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on raw input tensors and writes its tensors as .npy files.",
    discussion: """
      The input is a file of whole tensors and nothing else: int8 in height, width, channel order \
      on the input's grid for an integer model, little-endian float32 in channel, height, width \
      order for a float one. The folder gets a file for each tensor, the batch as its first axis, \
      and index.json, which says which tensor each file holds and on which grid.

      Example:
        cupel dump vendor-int8.tflite --profile litert-reference --input images.bin -o tensors
      """)

  @Argument(help: "A .cupel, .tflite or ONNX file.") var model: String

  @Option(help: ArgumentHelp("The input tensors, one after another.", valueName: "file"))
  var input: String

  @Option(
    name: [.short, .long], help: ArgumentHelp("The folder to write to.", valueName: "folder"))
  var output: String

  @Flag(help: "Write the output alone, from the fastest kernels.") var outputOnly = false

  @Option(
    help: ArgumentHelp(
      "Round as this runtime, whatever the file says: \(DeploymentProfile.list).",
      valueName: "profile"), transform: DeploymentProfile.parse)
  var profile: DeploymentProfile?

  @OptionGroup var compute: ComputeOptions
  @OptionGroup var kernels: KernelOptions

  /// A tensor that was written.
  private struct Entry: Encodable {
    var file: String
    var name: String
    /// With the batch in front.
    var shape: [Int]
    var scale: Float?
    var zeroPoint: Int?
    var isInput: Bool
    var isOutput: Bool
  }

  func run() throws {
    let loaded = try LoadedModel(path: model, profile: profile, kernels: kernels.choice)
    if case .float = loaded, profile != nil {
      throw ValidationError("--profile is for integer models")
    }
    let bytes = try InputFile.read(input, limit: Int(Int32.max))
    let count = try batch(bytes, of: loaded.inputBytes)
    do {
      try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    } catch {
      throw Failure("\(output): \(error.localizedDescription)", exitCode: Failure.cannotWrite)
    }
    let entries =
      switch loaded {
      case .integer(let integer):
        outputOnly
          ? try dumpOutput(integer, bytes, count) : try dumpAll(integer, bytes, count)
      case .float(let float): try dump(float, bytes, count)
      }
    try writeJSON(entries, to: "\(output)/index.json")
    print("\(output): \(entries.count) tensors")
  }

  private func batch(_ bytes: [UInt8], of size: Int) throws -> Int {
    guard size > 0, bytes.count % size == 0, !bytes.isEmpty else {
      throw Failure(
        "\(input): \(bytes.count) bytes are not a whole number of tensors of \(size) bytes")
    }
    return bytes.count / size
  }

  private func dumpOutput(_ model: IntegerModel, _ bytes: [UInt8], _ count: Int) throws -> [Entry] {
    let engine = model.engine
    let values = try engine.outputs(bytes.map(Int8.init(bitPattern:)), threads: compute.threads)
    return try engine.withModel { view in
      let tensor = view.tensor(view.output)
      return [try write(values, of: tensor, index: view.output, batch: count, in: view)]
    }
  }

  /// Of all tensors together.
  private static let mostBytes = 1 << 30

  /// By the reference kernels, an operation at a time: a tensor is copied as soon as it is made.
  private func dumpAll(_ model: IntegerModel, _ bytes: [UInt8], _ count: Int) throws -> [Entry] {
    try model.engine.withModel { view in
      let elements = (0..<view.tensorCount).reduce(0) { $0 + view.tensor($1).elementCount }
      guard elements <= Self.mostBytes / count else {
        throw Failure(
          "\(self.model): all tensors of \(count) inputs take more than 1 GiB; give fewer inputs")
      }
      var values = (0..<view.tensorCount).map { index in
        [Int8](repeating: 0, count: count * view.tensor(index).elementCount)
      }
      let arena = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Interpreter.arenaBytes(for: view), alignment: Interpreter.arenaAlignment)
      defer { arena.deallocate() }
      let interpreter = try Interpreter(model: view, arena: arena, profile: profile)
      let size = bytes.count / count
      for image in 0..<count {
        try bytes[image * size..<(image + 1) * size].withUnsafeBytes {
          try interpreter.setInput($0.bindMemory(to: Int8.self))
        }
        Self.copy(interpreter, view.input, image, into: &values)
        for operation in 0..<view.operationCount {
          interpreter.execute(operation: operation)
          Self.copy(interpreter, view.operation(operation).output, image, into: &values)
        }
      }
      return try (0..<view.tensorCount).map {
        try write(values[$0], of: view.tensor($0), index: $0, batch: count, in: view)
      }
    }
  }

  private static func copy(
    _ interpreter: Interpreter, _ tensor: Int, _ image: Int, into values: inout [[Int8]]
  ) {
    let source = interpreter.tensor(tensor)
    let start = image * source.count
    for index in 0..<source.count { values[tensor][start + index] = source[index] }
  }

  private func write(
    _ values: [Int8], of tensor: TensorView, index: Int, batch: Int, in view: ModelView
  ) throws -> Entry {
    let entry = Entry(
      file: "\(index).npy", name: String(decoding: tensor.name, as: UTF8.self),
      shape: [batch, tensor.height, tensor.width, tensor.channels],
      scale: Float(bitPattern: tensor.scaleBits), zeroPoint: tensor.zeroPoint,
      isInput: index == view.input, isOutput: index == view.output)
    try NumpyFile.write(values, shape: entry.shape, to: "\(output)/\(entry.file)")
    return entry
  }

  private func dump(_ model: FloatModel, _ bytes: [UInt8], _ count: Int) throws -> [Entry] {
    let graph = model.graph
    let shape = graph.values[graph.input].shape
    let values = bytes.withUnsafeBytes { raw in
      (0..<bytes.count / 4).map { index in
        Float(
          bitPattern: UInt32(
            littleEndian: raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
      }
    }
    let executor = try FloatExecutor(graph: graph, threads: compute.threads)
    let result = try executor.run(Tensor(batch: count, shape: shape, values: values))
    let entry = Entry(
      file: "\(graph.output).npy", name: graph.values[graph.output].name,
      shape: [count] + result.shape, isInput: false, isOutput: true)
    try NumpyFile.write(result.values, shape: entry.shape, to: "\(output)/\(entry.file)")
    return [entry]
  }
}

extension LoadedModel {
  /// Bytes of one input tensor, as `dump` reads it.
  fileprivate var inputBytes: Int {
    switch self {
    case .integer(let model): model.engine.inputCount
    case .float(let model): 4 * model.graph.values[model.graph.input].elementCount
    }
  }
}
