import CupelSupport

extension FloatGraph {
  /// A fully connected layer: [F] to [O], or each row of [.., F] to one of [.., O].
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
      let features = input.last ?? 0
      guard
        ShapeArithmetic.elementCount([outputFeatures, features], limit: 1 << 30) == weights.count
      else {
        throw RuleViolation("\(weights.count) weights do not fill [\(outputFeatures), \(features)]")
      }
      try checkBias("output features")
      return input.dropLast() + [outputFeatures]
    }

    /// Feature vectors of an image.
    private func rowCount(_ shape: [Int]) -> Int { shape.dropLast().reduce(1, *) }

    public func macs(inputs: [[Int]], output: [Int]) -> Int {
      ShapeArithmetic.saturatingProduct(weights.count, rowCount(output))
    }

    /// All rows of all images of a piece in one matrix product.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let rows = rowCount(output)
      return { inputs, images, output in
        let images = images * rows
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
      let rows = rowCount(output)
      return BackwardKernel { batch in
        if !batch.inputGradients.isEmpty {
          batch.inPieces { piece, _ in writeInputGradient(piece, rows: piece.images * rows) }
        }
        return batch.wantsParameters ? parameterGradient(batch, rows: batch.images * rows) : []
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
      FeatureRows(rows: inputFeatures, columns: rowCount(inputShape))
    }

    /// Each of the layer's positions reads a feature vector.
    private struct FeatureRows: Patches {
      let rows, columns: Int
      var groups: Int { 1 }

      func fill(
        _ target: UnsafeMutablePointer<Float>, leading: Int, image: UnsafePointer<Float>,
        group: Int, positions: Range<Int>
      ) {
        for (column, position) in positions.enumerated() {
          let vector = image + position * rows
          for row in 0..<rows { target[row * leading + column] = vector[row] }
        }
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

  private func writeInputGradient(_ piece: BackwardPass, rows: Int) {
    weights.withUnsafeBufferPointer { weights in
      guard let weights = weights.baseAddress else { return }
      Gemm.multiply(
        m: rows, n: inputFeatures, k: outputFeatures, a: piece.outputGradient,
        lda: outputFeatures, b: weights, ldb: inputFeatures, c: piece.inputGradients[0],
        ldc: inputFeatures)
    }
  }

  private func parameterGradient(_ batch: BackwardPass, rows: Int) -> [[Float]] {
    let inputFeatures = inputFeatures
    var slopes = [Float](repeating: 0, count: weights.count)
    slopes.withUnsafeMutableBufferPointer { buffer in
      guard rows > 0, let address = buffer.baseAddress else { return }
      nonisolated(unsafe) let target = address
      Parallel.forEachRun(of: Self.block, in: outputFeatures, threads: batch.threads) { block in
        Gemm.multiplyTransposed(
          m: block.count, n: inputFeatures, k: rows,
          a: batch.outputGradient + block.lowerBound, lda: outputFeatures, b: batch.inputs[0],
          ldb: inputFeatures, c: target + block.lowerBound * inputFeatures, ldc: inputFeatures)
      }
    }
    guard bias != nil else { return [slopes] }
    var sums = [Float](repeating: 0, count: outputFeatures)
    for index in 0..<rows {
      let row = batch.outputGradient + index * outputFeatures
      for feature in 0..<outputFeatures { sums[feature] += row[feature] }
    }
    return [slopes, sums]
  }
}

extension FloatGraph.Operation {
  /// A fully connected layer.
  public static func linear(_ linear: FloatGraph.Linear) -> Self { Self(linear) }
}
