/// A fully connected layer: all images of a group in one matrix product.
struct LinearKernel: Sendable {
  private let linear: FloatGraph.Linear
  private let inputFeatures: Int

  init(_ linear: FloatGraph.Linear, inputFeatures: Int) {
    self.linear = linear
    self.inputFeatures = inputFeatures
  }

  func run(_ input: UnsafePointer<Float>, images: Int, output: UnsafeMutablePointer<Float>) {
    let features = linear.outputFeatures
    linear.weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      Gemm.multiplyByTranspose(
        m: images, n: features, k: inputFeatures, a: input, lda: inputFeatures, b: weights,
        ldb: inputFeatures, c: output, ldc: features)
    }
    guard let bias = linear.bias else { return }
    for image in 0..<images {
      let row = output + image * features
      for index in 0..<features { row[index] += bias[index] }
    }
  }
}
