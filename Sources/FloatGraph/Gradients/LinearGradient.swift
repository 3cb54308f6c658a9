/// The backward pass of a fully connected layer: one matrix product each, all images of a piece.
struct LinearGradient: Sendable {
  private let weights: [Float]
  private let inputFeatures, outputFeatures: Int

  init(_ linear: FloatGraph.Linear, inputFeatures: Int) {
    weights = linear.weights
    self.inputFeatures = inputFeatures
    outputFeatures = linear.outputFeatures
  }

  /// As `ConvolutionGradient.run`.
  func run(
    input: UnsafePointer<Float>?, outputGradient: UnsafePointer<Float>, images: Int,
    inputGradient: UnsafeMutablePointer<Float>?, weightGradient: UnsafeMutablePointer<Float>?
  ) {
    if let inputGradient {
      weights.withUnsafeBufferPointer { weights in
        guard let weights = weights.baseAddress else { return }
        Gemm.multiply(
          m: images, n: inputFeatures, k: outputFeatures, a: outputGradient, lda: outputFeatures,
          b: weights, ldb: inputFeatures, c: inputGradient, ldc: inputFeatures)
      }
    }
    if let weightGradient, let input {
      Gemm.multiplyTransposed(
        m: outputFeatures, n: inputFeatures, k: images, a: outputGradient, lda: outputFeatures,
        b: input, ldb: inputFeatures, c: weightGradient, ldc: inputFeatures, accumulating: true)
    }
  }
}
