import Support

/// The backward pass of a fully connected layer: matrix products, pieces of images for the input and
/// blocks of rows for the weights. So no piece needs a sum of all weights for itself, which would be
/// gigabytes for the large layers of old image networks.
struct LinearGradient: Sendable {
  /// Output features a block.
  private static let block = 32

  private let weights: [Float]
  private let hasBias: Bool
  private let inputFeatures, outputFeatures: Int

  init(_ linear: FloatGraph.Linear, inputFeatures: Int) {
    weights = linear.weights
    hasBias = linear.bias != nil
    self.inputFeatures = inputFeatures
    outputFeatures = linear.outputFeatures
  }

  /// Writes `images` rows of the input's gradient.
  func writeInput(
    outputGradient: UnsafePointer<Float>, images: Int, inputGradient: UnsafeMutablePointer<Float>
  ) {
    weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      Gemm.multiply(
        m: images, n: inputFeatures, k: outputFeatures, a: outputGradient, lda: outputFeatures,
        b: weights, ldb: inputFeatures, c: inputGradient, ldc: inputFeatures)
    }
  }

  /// The parameters' gradient over a whole batch.
  func parameters(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>, images: Int, threads: Int
  ) -> ParameterGradient {
    var slopes = [Float](repeating: 0, count: weights.count)
    slopes.withUnsafeMutableBufferPointer { buffer in
      guard images > 0, let address = buffer.baseAddress else { return }
      nonisolated(unsafe) let (from, to, into) = (input, outputGradient, address)
      Parallel.forEach((outputFeatures + Self.block - 1) / Self.block, threads: threads) {
        let first = $0 * Self.block
        Gemm.multiplyTransposed(
          m: min(Self.block, outputFeatures - first), n: inputFeatures, k: images, a: to + first,
          lda: outputFeatures, b: from, ldb: inputFeatures, c: into + first * inputFeatures,
          ldc: inputFeatures)
      }
    }
    guard hasBias else { return .layer(.init(weights: slopes, bias: nil)) }
    var bias = [Float](repeating: 0, count: outputFeatures)
    for image in 0..<images {
      let row = outputGradient + image * outputFeatures
      for feature in 0..<outputFeatures { bias[feature] += row[feature] }
    }
    return .layer(.init(weights: slopes, bias: bias))
  }
}
