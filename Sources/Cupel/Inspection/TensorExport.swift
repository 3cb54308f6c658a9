import CupelFixedPoint
import CupelFloatGraph
import CupelHostRuntime
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat

/// Writes what a model computes from raw tensors as `.npy` files into a folder that is there.
package struct TensorExport {
  /// A tensor that was written.
  package struct Entry: Encodable, Sendable {
    var file: String
    var name: String
    /// With the batch in front.
    var shape: [Int]
    var scale: Float?
    var zeroPoint: Int?
    var isInput: Bool
    var isOutput: Bool
  }

  let folder: String
  let threads: Int

  package init(folder: String, threads: Int) {
    self.folder = folder
    self.threads = threads
  }

  /// The outputs alone, from the fastest kernels.
  ///
  /// - Parameter bytes: whole input tensors; of several inputs, all of an image together.
  package func output(of model: IntegerModel, _ bytes: [UInt8]) throws -> [Entry] {
    let engine = model.engine
    let values = try engine.outputs(bytes.map(Int8.init(bitPattern:)), threads: threads)
    let batch = bytes.count / engine.inputCount
    return try engine.withModel { view in
      try engine.outputs.map { output in
        let own = (0..<batch).flatMap { image in
          values[image * engine.outputCount..<(image + 1) * engine.outputCount]
            .dropFirst(output.values.lowerBound).prefix(output.values.count)
        }
        return try write(
          own, of: view.tensor(output.tensor), index: output.tensor, batch: batch, in: view)
      }
    }
  }

  /// Of all tensors together.
  private static let mostBytes = 1 << 30

  /// By the reference kernels, an operation at a time: a tensor is copied as soon as it is made.
  ///
  /// - Parameters:
  ///   - bytes: whole input tensors; of several inputs, all of an image together.
  ///   - profile: rounds as that runtime does; nil leaves the rounding that the file carries.
  package func tensors(
    of model: IntegerModel, _ bytes: [UInt8], profile: DeploymentProfile?
  ) throws -> [Entry] {
    try model.engine.withModel { view in
      let count = bytes.count / model.engine.inputCount
      let elements = (0..<view.tensorCount).reduce(0) { $0 + view.tensor($1).byteCount }
      guard elements <= Self.mostBytes / count else {
        throw CupelError(
          "\(model.path): all tensors of \(count) inputs take more than 1 GiB; give fewer inputs")
      }
      let values = try computed(view, bytes, count: count, profile: profile)
      return try (0..<view.tensorCount).map {
        try write(values[$0], of: view.tensor($0), index: $0, batch: count, in: view)
      }
    }
  }

  private func computed(
    _ view: ModelView, _ bytes: [UInt8], count: Int, profile: DeploymentProfile?
  ) throws -> [[Int8]] {
    var values = (0..<view.tensorCount).map { index in
      [Int8](repeating: 0, count: count * view.tensor(index).byteCount)
    }
    let arena = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Interpreter.arenaBytes(for: view), alignment: Interpreter.arenaAlignment)
    defer { arena.deallocate() }
    let interpreter = try Interpreter(model: view, arena: arena, profile: profile)
    let size = bytes.count / count
    for image in 0..<count {
      try Task.checkCancellation()
      try bytes[image * size..<(image + 1) * size].withUnsafeBytes {
        try interpreter.setInput($0.bindMemory(to: Int8.self))
      }
      for input in 0..<view.tensorCount where view.isInput(input) {
        Self.copy(interpreter, input, image, into: &values)
      }
      for operation in 0..<view.operationCount {
        interpreter.execute(operation: operation)
        Self.copy(interpreter, view.operation(operation).output, image, into: &values)
      }
    }
    return values
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
      isInput: view.isInput(index), isOutput: view.isOutput(index))
    try NumpyFile.write(
      values, bits: tensor.bits, shape: entry.shape, to: "\(folder)/\(entry.file)")
    return entry
  }

  /// The outputs of a float model.
  ///
  /// - Parameter bytes: whole input tensors, little-endian float32; of several inputs, all of an image
  ///   together.
  package func output(of model: FloatModel, _ bytes: [UInt8]) throws -> [Entry] {
    let graph = model.graph
    let values = bytes.withUnsafeBytes { raw in
      (0..<bytes.count / 4).map { index in
        Float(
          bitPattern: UInt32(
            littleEndian: raw.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
      }
    }
    let results = try FloatExecutor(graph: graph, threads: threads).run(
      Self.inputs(of: graph, values))
    return try zip(graph.outputs, results).map { index, result in
      let entry = Entry(
        file: "\(index).npy", name: graph.values[index].name, shape: [result.batch] + result.shape,
        isInput: false, isOutput: true)
      try NumpyFile.write(result.values, shape: entry.shape, to: "\(folder)/\(entry.file)")
      return entry
    }
  }

  /// - Parameter values: of all inputs, image by image.
  private static func inputs(of graph: FloatGraph, _ values: [Float]) -> [Tensor] {
    let size = graph.inputs.reduce(0) { $0 + graph.values[$1].elementCount }
    let batch = values.count / size
    var start = 0
    return graph.inputs.map { index in
      let (shape, count) = (graph.values[index].shape, graph.values[index].elementCount)
      let own = (0..<batch).flatMap { values[($0 * size + start)..<($0 * size + start + count)] }
      start += count
      return Tensor(batch: batch, shape: shape, values: own)
    }
  }
}

extension LoadedModel {
  /// Bytes of one input tensor, as `TensorExport` takes it.
  package var inputBytes: Int {
    switch self {
    case .integer(let model): model.engine.inputCount
    case .float(let model):
      4 * model.graph.inputs.reduce(0) { $0 + model.graph.values[$1].elementCount }
    }
  }
}
