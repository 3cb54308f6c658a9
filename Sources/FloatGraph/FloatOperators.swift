import CupelSupport

/// One operation on a batch, outside any graph: what quantization and purification call.
public enum FloatOperators {
  /// Images that are worked on together. Results may depend on it in the last bit (it decides the
  /// shapes of the matrix products), never on the number of threads.
  package static let imagesPerPiece = 8

  /// Computes one operation.
  ///
  /// - Parameters:
  ///   - operation: what is computed.
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
    // An operator that checks no number of inputs would be met here.
    guard let batch = inputs.first?.batch else {
      throw FloatGraphError(node: kernel.node, rule: "there is no input")
    }
    for tensor in inputs {
      guard tensor.batch == batch, tensor.holds(batch: batch) else {
        throw FloatGraphError(node: kernel.node, rule: "inputs do not hold \(batch) images each")
      }
    }
    return try .written(batch: batch, shape: kernel.outputShape, node: kernel.node) { output in
      nonisolated(unsafe) let output = output
      withPointers(to: inputs.map(\.values)) { pointers in
        nonisolated(unsafe) let pointers = pointers
        Parallel.forEachRun(of: imagesPerPiece, in: batch, threads: threads) { images in
          let first = images.lowerBound
          kernel.run(
            zip(pointers, kernel.inputStrides).map { $0 + first * $1 }, images.count,
            output + first * kernel.outputStride)
        }
      }
    }
  }

  /// Calls `body` with the address of each array.
  package static func withPointers(to arrays: [[Float]], _ body: ([UnsafePointer<Float>]) -> Void) {
    func descend(_ index: Int, _ pointers: [UnsafePointer<Float>]) {
      guard index < arrays.count else { return body(pointers) }
      arrays[index].withUnsafeBufferPointer { buffer in
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

extension Parallel {
  /// Calls `body` with runs of `length` numbers, the last one shorter, that tile 0..<count.
  static func forEachRun(
    of length: Int = 1 << 15, in count: Int, threads: Int, _ body: @Sendable (Range<Int>) -> Void
  ) {
    forEach((count + length - 1) / length, threads: threads) {
      body($0 * length..<min(($0 + 1) * length, count))
    }
  }
}
