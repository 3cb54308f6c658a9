import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.Multiply: LowerableOperator {
  package var fusesClamp: Bool { true }
  package var storageOrder: StorageOrder { .asStored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let inputs = try unit.repeated(with: &builder)
    let rescale = try builder.product(of: inputs, on: unit.output.grid, within: unit.bounds)
    return builder.append(unit.name, .multiply(.init(rescale)), inputs, giving: unit.output)
  }
}

extension Multiply: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(
      .multiply,
      times: network.factor(rescale, network.input(0).scale * network.input(1).scale),
      within: rescale.low...rescale.high)
  }
}
