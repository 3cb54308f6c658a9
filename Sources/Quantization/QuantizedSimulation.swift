import FloatGraph

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
    let unit = fused.units[index]
    let grid = grids[unit.output]!
    var result: Tensor
    if let integers, let layer = layers.first(where: { $0.unit == index }) {
      let operation = unit.operation(
        weights: layer.dequantize(integers), bias: layer.dequantizedBias)
      result = try evaluator.evaluate(
        index, operation: operation, inputs: [read(inputs[0], of: unit.inputs[0], by: layer)])
    } else if case .averagePool = unit.operation {
      return try simulateAveragePool(index, input: inputs[0], on: grid, with: evaluator)
    } else {
      result = try evaluator.evaluate(index, inputs: inputs)
    }
    grid.snap(&result.values)
    return result
  }

  /// Averages of integers are often ties, which the kernel rounds away from zero. So they are
  /// taken of the integers themselves, where float32 is exact.
  private func simulateAveragePool(
    _ index: Int, input: Tensor, on grid: Grid, with evaluator: UnitEvaluator
  ) throws -> Tensor {
    var integers = input
    // Less the zero point, so that padding is zero.
    for position in integers.values.indices {
      integers.values[position] = (integers.values[position] / grid.scale).rounded()
    }
    var result = try evaluator.evaluate(index, inputs: [integers])
    let zeroPoint = Float(grid.zeroPoint)
    for position in result.values.indices {
      let stored = (result.values[position] + zeroPoint).rounded(.toNearestOrAwayFromZero)
      result.values[position] = grid.scale * (stored - zeroPoint)
    }
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
