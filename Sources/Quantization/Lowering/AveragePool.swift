import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.AveragePool: LowerableOperator {
  package var averagesIntegers: Bool { true }

  /// Padding that counts in the divisor becomes an operation of its own.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let output = builder.add(unit.output)
    let window = PaddedWindow(window)
    let mode = unit.output.grid.isWide ? .doubleRounding : builder.elementMode
    if countsPadding {
      let source = unit.padded(window, with: &builder)
      let pool = CupelIntegerOperators.AveragePool(window.bare.integer, rounding: mode)
      builder.append(unit.name, .averagePool(pool), [source], to: output)
    } else {
      let pool = CupelIntegerOperators.AveragePool(window.integer, rounding: mode)
      builder.append(unit.name, .averagePool(pool), unit.inputs, to: output)
    }
    return output
  }
}

extension CupelIntegerOperators.AveragePool: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let pool = FloatGraph.AveragePool(
      window: network.window(window, from: network.input(0), to: network.output),
      countsPadding: countsPadding)
    try network.finish(.averagePool(pool))
  }
}
