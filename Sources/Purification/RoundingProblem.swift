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
    var target = [Float](repeating: 0, count: weights.count)
    let columns = layer.columns
    for row in 0..<layer.rows {
      let group = row * moments.groups / layer.rows
      Gemm.multiply(
        rows: 1, columns: columns, inner: columns, weights[row * columns..<(row + 1) * columns],
        moments.cross[group * columns * columns..<(group + 1) * columns * columns],
        into: &target[row * columns..<(row + 1) * columns])
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
