import CupelFloatGraph

extension QuantizationPlan {
  /// One unit on the plan's grids, carried out in float: inputs and output are dequantized
  /// integers. It differs from the integer engine by one step, and only where fixed-point scaling
  /// rounds the other way: hardly ever under a mode that rounds once, and under double rounding
  /// in about 2^(shift − 1) of the outputs, where the scale ratio is 2^(shift − 1) to 2^shift.
  ///
  /// - Parameters:
  ///   - index: the unit.
  ///   - inputs: on the grids of the values it reads.
  ///   - integers: rounded weights, for a weighted unit.
  package func simulate(
    _ index: Int, inputs: [Tensor], integers: [Int8]?, with evaluator: UnitEvaluator
  ) throws -> Tensor {
    var result = try unrounded(index, inputs: inputs, integers: integers, with: evaluator)
    round(&result, of: index)
    return result
  }

  /// What one unit computes of its inputs before it is rounded to the grid of its output. An average
  /// is in steps of that grid and without its zero point: averages of integers are often ties,
  /// which float32 then holds exactly.
  func unrounded(
    _ index: Int, inputs: [Tensor], integers: [Int8]?, with evaluator: UnitEvaluator
  ) throws -> Tensor {
    let unit = fused.units[index]
    if let integers, let layer = fused.layer(of: index).map({ layers[$0] }) {
      let operation = unit.operation(
        weights: layer.dequantize(integers), bias: layer.dequantizedBias)
      return try evaluator.evaluate(
        index, operation: operation, inputs: [read(inputs[0], of: unit.inputs[0], by: layer)])
    }
    guard unit.base.averagesIntegers else { return try evaluator.evaluate(index, inputs: inputs) }
    let scale = grids[unit.output].scale
    var steps = inputs[0]
    // Less the zero point, so that padding is zero.
    for position in steps.values.indices {
      steps.values[position] = (steps.values[position] / scale).rounded()
    }
    return try evaluator.evaluate(index, inputs: [steps])
  }

  /// Rounds what `unrounded` gave to the unit's grid. The kernel for averages rounds ties away from
  /// zero, all others to even.
  func round(_ result: inout Tensor, of index: Int) {
    let unit = fused.units[index]
    let grid = grids[unit.output]
    guard unit.base.averagesIntegers else { return grid.snap(&result.values) }
    let zeroPoint = Float(grid.zeroPoint)
    for position in result.values.indices {
      let stored = (result.values[position] + zeroPoint).rounded(.toNearestOrAwayFromZero)
      result.values[position] = grid.scale * (stored - zeroPoint)
    }
  }

  /// What a weighted layer reads of a stored value: the value, or its copy on a narrower grid.
  package func read(_ stored: Tensor, of value: Int, by layer: WeightedLayer) -> Tensor {
    guard layer.inputGrid != grids[value] else { return stored }
    var copy = stored
    layer.inputGrid.snap(&copy.values)
    return copy
  }
}

extension RoundedPlan {
  /// One unit as `QuantizationPlan.simulate` does it, with the rounded weights.
  package func simulate(
    _ index: Int, inputs: [Tensor], with evaluator: UnitEvaluator
  ) throws -> Tensor {
    try plan.simulate(index, inputs: inputs, integers: integers(of: index), with: evaluator)
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
