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
      guard !batch.inputGradients.isEmpty else { return [] }
      _ = batch.inPieces { piece, _ in run(piece) }
      return []
    }
  }
}

/// What a backward pass over some images reads and writes. Pieces of a batch write each its own part
/// of what these addresses point to.
public struct BackwardPass: @unchecked Sendable {
  public let images: Int
  /// Values of the inputs; empty where `gradientReads` does not name them.
  public let inputs: [UnsafePointer<Float>]
  /// Values of the output; nil where `gradientReads` does not name them.
  public let output: UnsafePointer<Float>?
  public let outputGradient: UnsafePointer<Float>
  /// To be written, one an input; empty where not wanted.
  public let inputGradients: [UnsafeMutablePointer<Float>]
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
  public func inPieces(
    parameters: Int = 0,
    _ body: @Sendable (_ piece: BackwardPass, _ sums: UnsafeMutablePointer<Float>?) -> Void
  ) -> [Float] {
    GradientPieces.run(batch: images, parameters: parameters, threads: threads) {
      body(piece($0), $1)
    }
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
