import FloatGraph
import Quantization
import Support

/// One layer's rounding, as a solver sees it: choose integers so that Ŵ applied to the quantized
/// prefix's activations gives what the float layer gives on its own.
package struct RoundingProblem: Sendable {
  package let layer: WeightedLayer
  package let groups: Int
  /// Calibration images, cut into batches as the published methods do.
  package let batches: [Batch]

  /// The quadratic form of the reconstruction error on one batch.
  package struct Batch: Sendable {
    /// Mean of q·qᵀ, [groups][columns][columns].
    package var gram: [Float]
    /// W·cross, the target's correlation with the inputs, [rows][columns], real units.
    package var target: [Float]
  }

  /// Images a batch in the authors' code.
  private static let imagesPerBatch = 32
  /// Bytes that the batches' gram matrices may take: larger layers get larger batches.
  private static let budget = 1 << 30
  /// Bytes that one gram matrix may take.
  package static let mostGramBytes = 1 << 29

  /// - Parameters: as of `LayerMoments`.
  /// - Throws: `FloatGraphError` where the layer does not fit the shape,
  ///   `QuantizationError.unsupported` where its fan-in makes moments too large to hold.
  package init(
    layer: WeightedLayer, operation: FloatGraph.Operation, quantized: Tensor, float: Tensor,
    threads: Int
  ) throws {
    self.layer = layer
    if case .convolution(let convolution) = operation {
      groups = convolution.groups
    } else {
      groups = 1
    }
    let images = quantized.batch
    let gramBytes = groups * layer.columns * layer.columns * MemoryLayout<Float>.size
    guard gramBytes <= Self.mostGramBytes else {
      throw QuantizationError.unsupported(
        node: layer.name,
        rule: "its fan-in of \(layer.columns) needs \(gramBytes) bytes of second moments a batch; "
          + "at most \(Self.mostGramBytes) are given")
    }
    let most = max(Self.budget / gramBytes, 1)
    let size = max(Self.imagesPerBatch, (images + most - 1) / most)
    let weights = layer.effectiveWeights
    let results = Parallel.map((images + size - 1) / size, threads: threads) { batch in
      Result { () throws(FloatGraphError) in
        let moments = try LayerMoments(
          operation: operation, quantized: quantized, float: float,
          images: batch * size..<min((batch + 1) * size, images))
        return Batch(moments, weights: weights, rows: layer.rows)
      }
    }
    var batches: [Batch] = []
    for result in results { batches.append(try result.get()) }
    self.batches = batches
  }

  /// Rows that share a gram matrix, cut so that each piece is a problem of its own and the cut
  /// depends on the layer alone.
  package var pieces: [Range<Int>] {
    let perGroup = layer.rows / groups
    let height = 32
    return (0..<groups).flatMap { group in
      stride(from: group * perGroup, to: (group + 1) * perGroup, by: height).map { first in
        first..<min(first + height, (group + 1) * perGroup)
      }
    }
  }

  /// Where the gram matrix that row `row` meets begins in a batch's `gram`.
  package func gramOffset(ofRow row: Int) -> Int {
    row * groups / layer.rows * layer.columns * layer.columns
  }
}

extension RoundingProblem.Batch {
  /// - Parameter weights: the float layer's, BatchNorm's factor included, [rows][columns].
  package init(_ moments: LayerMoments, weights: [Float], rows: Int) {
    gram = moments.gram
    target = [Float](repeating: 0, count: weights.count)
    let columns = moments.columns
    let perGroup = rows / moments.groups
    target.withUnsafeMutableBufferPointer { target in
      weights.withUnsafeBufferPointer { weights in
        moments.cross.withUnsafeBufferPointer { cross in
          for group in 0..<moments.groups {
            let start = group * perGroup * columns
            Gemm.multiply(
              m: perGroup, n: columns, k: columns, a: weights.baseAddress! + start,
              lda: columns, b: cross.baseAddress! + group * columns * columns, ldb: columns,
              c: target.baseAddress! + start, ldc: columns)
          }
        }
      }
    }
  }
}
