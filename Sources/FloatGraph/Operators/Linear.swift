import CupelSupport

extension FloatGraph {
  /// A fully connected layer: [F] to [O].
  public struct Linear: WeightedOperator {
    public static let name = "linear"

    /// [O][F]
    public var weights: [Float]
    /// [O]; nil for none.
    public var bias: [Float]?
    /// Features of the output.
    public var outputFeatures: Int

    /// A layer; `FloatGraph.validate` checks that its parts fit.
    public init(weights: [Float], bias: [Float]?, outputFeatures: Int) {
      (self.weights, self.bias, self.outputFeatures) = (weights, bias, outputFeatures)
    }

    public var rows: Int { outputFeatures }
    public var groups: Int { 1 }
    private var inputFeatures: Int { weights.count / outputFeatures }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let input = try only(inputs)
      guard input.count == 1 else {
        throw RuleViolation("linear takes a feature vector, has shape \(input)")
      }
      guard
        ShapeArithmetic.elementCount([outputFeatures, input[0]], limit: 1 << 30) == weights.count
      else {
        throw RuleViolation("\(weights.count) weights do not fill [\(outputFeatures), \(input[0])]")
      }
      try checkBias("output features")
      return [outputFeatures]
    }

    public func macs(inputs: [[Int]], output: [Int]) -> Int { weights.count }

    /// All images of a piece in one matrix product.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      { inputs, images, output in
        weights.withUnsafeBufferPointer { weights in
          guard let weights = weights.baseAddress else { return }
          Gemm.multiplyByTranspose(
            m: images, n: outputFeatures, k: inputFeatures, a: inputs[0], lda: inputFeatures,
            b: weights, ldb: inputFeatures, c: output, ldc: outputFeatures)
        }
        guard let bias else { return }
        for image in 0..<images {
          let row = output + image * outputFeatures
          for index in 0..<outputFeatures { row[index] += bias[index] }
        }
      }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      BackwardKernel { batch in
        if !batch.inputGradients.isEmpty {
          batch.inPieces { piece, _ in writeInputGradient(piece) }
        }
        return batch.wantsParameters ? parameterGradient(batch) : []
      }
    }

    /// Each channel is a run of equally many features.
    public func weights(reading channels: [Int], of count: Int) -> [Int] {
      let run = inputFeatures / count
      return (0..<outputFeatures).flatMap { row in
        channels.flatMap { channel in
          (0..<run).map { row * inputFeatures + channel * run + $0 }
        }
      }
    }

    public func patches(inputShape: [Int]) -> any Patches {
      WholeInput(rows: inputShape.reduce(1, *))
    }

    /// The layer's one position reads all of its input.
    private struct WholeInput: Patches {
      let rows: Int
      var groups: Int { 1 }
      var columns: Int { 1 }

      func fill(
        _ target: UnsafeMutablePointer<Float>, leading: Int, image: UnsafePointer<Float>,
        group: Int, positions: Range<Int>
      ) {
        for row in 0..<rows { target[row * leading] = image[row] }
      }
    }
  }
}

/// The backward pass: matrix products, pieces of images for the input and blocks of rows for the
/// weights. So no piece needs a sum of all weights for itself, which would be gigabytes for the
/// large layers of old image networks.
extension FloatGraph.Linear {
  /// Output features a block.
  private static let block = 32

  private func writeInputGradient(_ piece: BackwardPass) {
    weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      Gemm.multiply(
        m: piece.images, n: inputFeatures, k: outputFeatures, a: piece.outputGradient,
        lda: outputFeatures, b: weights, ldb: inputFeatures, c: piece.inputGradients[0],
        ldc: inputFeatures)
    }
  }

  private func parameterGradient(_ batch: BackwardPass) -> [[Float]] {
    let inputFeatures = inputFeatures
    var slopes = [Float](repeating: 0, count: weights.count)
    slopes.withUnsafeMutableBufferPointer { buffer in
      guard batch.images > 0, let address = buffer.baseAddress else { return }
      nonisolated(unsafe) let target = address
      Parallel.forEachRun(of: Self.block, in: outputFeatures, threads: batch.threads) { block in
        Gemm.multiplyTransposed(
          m: block.count, n: inputFeatures, k: batch.images,
          a: batch.outputGradient + block.lowerBound, lda: outputFeatures, b: batch.inputs[0],
          ldb: inputFeatures, c: target + block.lowerBound * inputFeatures, ldc: inputFeatures)
      }
    }
    guard bias != nil else { return [slopes] }
    var sums = [Float](repeating: 0, count: outputFeatures)
    for image in 0..<batch.images {
      let row = batch.outputGradient + image * outputFeatures
      for feature in 0..<outputFeatures { sums[feature] += row[feature] }
    }
    return [slopes, sums]
  }
}

extension FloatGraph.Operation {
  /// A fully connected layer.
  public static func linear(_ linear: FloatGraph.Linear) -> Self { Self(linear) }
}
