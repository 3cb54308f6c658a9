import CupelQuantization

/// Moves a layer's bias so that its mean output on the calibration images is the float layer's:
/// what rounding adds to the mean is taken back (Nagel et al., "Data-Free Quantization Through
/// Weight Equalization and Bias Correction", ICCV 2019, measured instead of computed).
package enum BiasCorrection {
  /// - Returns: `layer` with its bias corrected. A row whose bias would leave what the accumulator
  ///   can hold keeps its own.
  package static func corrected(_ problem: RoundingProblem, _ integers: [Int8]) -> WeightedLayer {
    var layer = problem.layer
    let weights = layer.dequantize(integers)
    let columns = layer.columns
    let moments = problem.total
    for row in 0..<layer.rows {
      let group = row * problem.groups / layer.rows
      var mean = 0.0
      for column in 0..<columns {
        mean +=
          Double(weights[row * columns + column])
          * Double(moments.inputMean[group * columns + column])
      }
      let bias = layer.bias[row] + Float(Double(moments.outputMean[row]) - mean)
      if layer.canHold(bias: bias, inRow: row) { layer.bias[row] = bias }
    }
    return layer
  }
}
