import FloatGraph
import Quantization

/// One layer's rounding, as a solver sees it: choose integers so that Ŵ applied to the quantized
/// prefix's activations gives what the float layer gives on its own.
package struct RoundingProblem: Sendable {
  package let layer: WeightedLayer
  package let moments: LayerMoments
  /// W·cross: the target's correlation with the inputs, [rows][columns], real units.
  package let target: [Float]

  package init(layer: WeightedLayer, moments: LayerMoments) {
    self.layer = layer
    self.moments = moments
    let weights = layer.effectiveWeights
    let columns = layer.columns
    let rowsPerGroup = layer.rows / moments.groups
    var target = [Float](repeating: 0, count: weights.count)
    target.withUnsafeMutableBufferPointer { target in
      weights.withUnsafeBufferPointer { weights in
        moments.cross.withUnsafeBufferPointer { cross in
          for group in 0..<moments.groups {
            let start = group * rowsPerGroup * columns
            Gemm.multiply(
              m: rowsPerGroup, n: columns, k: columns, a: weights.baseAddress! + start,
              lda: columns, b: cross.baseAddress! + group * columns * columns, ldb: columns,
              c: target.baseAddress! + start, ldc: columns)
          }
        }
      }
    }
    self.target = target
  }

  /// Rows that share a gram matrix, cut so that each piece is a problem of its own and the cut
  /// depends on the layer alone.
  package var pieces: [Range<Int>] {
    let perGroup = layer.rows / moments.groups
    let height = 16
    return (0..<moments.groups).flatMap { group in
      stride(from: group * perGroup, to: (group + 1) * perGroup, by: height).map { first in
        first..<min(first + height, (group + 1) * perGroup)
      }
    }
  }

  /// The gram matrix that row `row` meets.
  package func gram(ofRow row: Int) -> ArraySlice<Float> {
    let size = layer.columns * layer.columns
    let group = row * moments.groups / layer.rows
    return moments.gram[group * size..<(group + 1) * size]
  }
}
