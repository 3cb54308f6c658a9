import Support

/// One operation on a batch, outside any graph: what quantization and purification call.
public enum FloatOperators {
  /// Images that are worked on together. Results may depend on it in the last bit (it decides the
  /// shapes of the matrix products), never on the number of threads.
  package static let imagesPerPiece = 8

  /// Computes one operation.
  ///
  /// - Parameters:
  ///   - inputs: as many as the operation takes, all with the same batch.
  ///   - outputShape: without the batch axis, as the graph declares it.
  ///   - threads: the most that work at once; the result does not depend on it.
  /// - Throws: `FloatGraphError` if shapes or parameters do not fit.
  public static func evaluate(
    _ operation: FloatGraph.Operation, inputs: [Tensor], outputShape: [Int], threads: Int
  ) throws(FloatGraphError) -> Tensor {
    let kernel = try PreparedKernel(
      operation, inputShapes: inputs.map(\.shape), outputShape: outputShape, node: nil)
    return try evaluate(kernel, inputs: inputs, threads: threads)
  }

  static func evaluate(
    _ kernel: PreparedKernel, inputs: [Tensor], threads: Int
  ) throws(FloatGraphError) -> Tensor {
    let batch = inputs[0].batch
    for tensor in inputs {
      guard tensor.batch == batch, tensor.holds(batch: batch) else {
        throw FloatGraphError(node: kernel.node, rule: "inputs do not hold \(batch) images each")
      }
    }
    guard let size = checkedSize(batch: batch, stride: kernel.outputStride) else {
      throw FloatGraphError(node: kernel.node, rule: "a batch of \(batch) is too large")
    }
    var output = Tensor(batch: batch, shape: kernel.outputShape, values: [])
    output.values = [Float](unsafeUninitializedCapacity: size) { buffer, count in
      if let target = buffer.baseAddress {
        run(kernel, inputs: inputs, batch: batch, output: target, threads: threads)
      }
      count = size
    }
    return output
  }

  private static func run(
    _ kernel: PreparedKernel, inputs: [Tensor], batch: Int, output: UnsafeMutablePointer<Float>,
    threads: Int
  ) {
    withPointers(to: inputs) { pointers in
      nonisolated(unsafe) let pointers = pointers
      nonisolated(unsafe) let output = output
      let pieces = (batch + imagesPerPiece - 1) / imagesPerPiece
      Parallel.forEach(pieces, threads: threads) { piece in
        let first = piece * imagesPerPiece
        let images = min(imagesPerPiece, batch - first)
        var sources: [UnsafePointer<Float>] = []
        for (pointer, stride) in zip(pointers, kernel.inputStrides) {
          sources.append(pointer + first * stride)
        }
        kernel.run(inputs: sources, images: images, output: output + first * kernel.outputStride)
      }
    }
  }

  /// Calls `body` with the address of each tensor's values.
  static func withPointers(
    to tensors: [Tensor], _ body: ([UnsafePointer<Float>]) -> Void
  ) {
    func descend(_ index: Int, _ pointers: [UnsafePointer<Float>]) {
      guard index < tensors.count else { return body(pointers) }
      tensors[index].values.withUnsafeBufferPointer { buffer in
        guard let address = buffer.baseAddress else { return }
        descend(index + 1, pointers + [address])
      }
    }
    descend(0, [])
  }

  /// batch · stride, or nil beyond 2³² elements.
  static func checkedSize(batch: Int, stride: Int) -> Int? {
    guard batch >= 0 else { return nil }
    let (size, overflow) = batch.multipliedReportingOverflow(by: stride)
    return overflow || size > 1 << 32 ? nil : size
  }
}

extension Tensor {
  /// Whether the values are as many as batch and shape say.
  func holds(batch: Int) -> Bool {
    guard let stride = ShapeArithmetic.elementCount(shape),
      let size = FloatOperators.checkedSize(batch: batch, stride: stride)
    else { return false }
    return values.count == size
  }
}
