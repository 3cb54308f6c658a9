import FloatGraph

extension QuantizationPlan {
  /// One unit on the plan's grids, carried out in float: inputs and output are dequantized
  /// integers. It differs from the integer engine only where fixed-point scaling rounds the other
  /// way, about one output in a thousand.
  ///
  /// - Parameters:
  ///   - index: the unit.
  ///   - inputs: on the grids of the values it reads.
  ///   - integers: rounded weights, for a weighted unit.
  package func simulate(
    _ index: Int, inputs: [Tensor], integers: [Int8]?, with evaluator: UnitEvaluator
  ) throws -> Tensor {
    let unit = fused.units[index]
    let grid = grids[unit.output]!
    var result: Tensor
    if let integers, let layer = layers.first(where: { $0.unit == index }) {
      let operation = unit.operation(
        weights: layer.dequantize(integers), bias: layer.dequantizedBias)
      result = try evaluator.evaluate(
        index, operation: operation, inputs: [read(inputs[0], of: unit.inputs[0], by: layer)])
    } else {
      result = try evaluator.evaluate(index, inputs: inputs)
    }
    grid.snap(&result.values)
    return result
  }

  /// What a weighted layer reads of a stored value: the value, or its copy on a narrower grid.
  package func read(_ stored: Tensor, of value: Int, by layer: WeightedLayer) -> Tensor {
    guard layer.inputGrid != grids[value]! else { return stored }
    var copy = stored
    layer.inputGrid.snap(&copy.values)
    return copy
  }
}

extension WeightedLayer {
  /// The integer bias as the real number it stands for.
  package var dequantizedBias: [Float] {
    zip(integerBias, 0..<rows).map { bias, row in
      Float(
        Double(bias) * Double(inputGrid.scale) * Double(scales[row]) * Double(factors[row]))
    }
  }
}
