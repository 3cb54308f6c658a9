import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.GlobalAveragePool: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let image = builder[unit.inputs[0]]
    let rescale = try builder.rescale(
      meanOf: image.height * image.width, from: image.grid, to: unit.output.grid,
      within: unit.bounds)
    return unit.becomes(.mean(.init(rescale)), in: &builder)
  }
}

extension Mean: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let input = network.input(0)
    try network.finish(
      .globalAveragePool,
      times: Float(input.height * input.width) * network.factor(rescale, input.scale),
      within: rescale.low...rescale.high)
  }
}
