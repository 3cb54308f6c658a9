import CupelSupport

/// The backward pass of an operation for given shapes. It gives the derivatives by the operation's
/// parameters, as arrays in their order; none where they are not wanted.
public struct BackwardKernel: Sendable {
  let run: @Sendable (BackwardPass) -> [[Float]]

  /// - Parameter run: takes a whole batch and shares its work out by itself.
  public init(_ run: @escaping @Sendable (BackwardPass) -> [[Float]]) {
    self.run = run
  }

  /// For an operation without parameters: `run` writes the inputs' gradients for one piece of the
  /// batch on one thread.
  public static func inPieces(_ run: @escaping @Sendable (BackwardPass) -> Void) -> Self {
    BackwardKernel { batch in
      if !batch.inputGradients.isEmpty { batch.inPieces { piece, _ in run(piece) } }
      return []
    }
  }
}

/// What a backward pass over some images reads and writes. Pieces of a batch write each its own part
/// of what these addresses point to.
public struct BackwardPass: @unchecked Sendable {
  /// How many images these are.
  public let images: Int
  /// Values of the inputs; empty where `readsInputsFor` does not name what is wanted.
  public let inputs: [UnsafePointer<Float>]
  /// Values of the output; nil where `readsOutputFor` does not name what is wanted.
  public let output: UnsafePointer<Float>?
  /// The loss's derivatives by the output.
  public let outputGradient: UnsafePointer<Float>
  /// To be written, one an input; empty where not wanted.
  public let inputGradients: [UnsafeMutablePointer<Float>]
  /// Whether derivatives by the operation's parameters are asked for.
  public let wantsParameters: Bool
  /// Of the batch, where the forward pass computed with them.
  public let statistics: BatchStatistics?
  /// The most that work at once; the result does not depend on it.
  public let threads: Int
  let inputStrides: [Int]
  let outputStride: Int

  /// Elements of the output of these images.
  public var outputCount: Int { images * outputStride }

  /// Calls `body` with each piece of the batch, on as many threads as there may be, and with a
  /// zeroed block of `parameters` elements of its own where there are any. Returns the sum of the
  /// blocks, taken in the pieces' order.
  @discardableResult
  public func inPieces(
    parameters: Int = 0,
    _ body: @Sendable (_ piece: BackwardPass, _ sums: UnsafeMutablePointer<Float>?) -> Void
  ) -> [Float] {
    let length = imagesPerPiece(parameters: parameters)
    guard parameters > 0 else {
      Parallel.forEachRun(of: length, in: images, threads: threads) { body(piece($0), nil) }
      return []
    }
    let count = max((images + length - 1) / length, 1)
    var sums = [Float](repeating: 0, count: count * parameters)
    sums.withUnsafeMutableBufferPointer { buffer in
      guard let address = buffer.baseAddress else { return }
      nonisolated(unsafe) let blocks = address
      Parallel.forEachRun(of: length, in: images, threads: threads) {
        body(piece($0), blocks + $0.lowerBound / length * parameters)
      }
      Parallel.forEachRun(in: parameters, threads: threads) { run in
        for block in 1..<count {
          let source = blocks + block * parameters
          for index in run { blocks[index] += source[index] }
        }
      }
    }
    sums.removeLast(sums.count - parameters)
    return sums
  }

  /// Sums that pieces keep of their own, in elements of all pieces together (16 MiB), as long as
  /// that leaves enough pieces to work on.
  private static let sumElements = 1 << 22
  private static let fewestSums = 8

  /// By the batch and the number of parameters alone.
  private func imagesPerPiece(parameters: Int) -> Int {
    let usual = (images + FloatOperators.imagesPerPiece - 1) / FloatOperators.imagesPerPiece
    let most = parameters == 0 ? usual : max(Self.fewestSums, Self.sumElements / parameters)
    let pieces = max(min(usual, most), 1)
    return max((images + pieces - 1) / pieces, 1)
  }

  private func piece(_ range: Range<Int>) -> BackwardPass {
    let first = range.lowerBound
    return BackwardPass(
      images: range.count, inputs: zip(inputs, inputStrides).map { $0 + first * $1 },
      output: output.map { $0 + first * outputStride },
      outputGradient: outputGradient + first * outputStride,
      inputGradients: zip(inputGradients, inputStrides).map { $0 + first * $1 },
      wantsParameters: wantsParameters, statistics: statistics, threads: 1,
      inputStrides: inputStrides, outputStride: outputStride)
  }
}
