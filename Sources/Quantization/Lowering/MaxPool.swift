import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.MaxPool: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.becomes(.maxPool(.init(PaddedWindow(window).integer)), in: &builder)
  }
}

extension MaxPool: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let window = network.window(window, from: network.input(0), to: network.output)
    try network.finish(.maxPool(.init(window: window)))
  }
}
