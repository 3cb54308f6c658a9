import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.Clamp: LowerableOperator {
  package var limits: FusedGraph.Unit.Limits? { .init(low: low, high: high) }

  package var storageOrder: StorageOrder { .asStored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let bounds = unit.output.grid.bounds(low: low, high: high)
    return unit.becomes(.clamp(.init(low: bounds.low, high: bounds.high)), in: &builder)
  }
}

extension Clamp: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    network.bind(try network.limited(try network.source(0), within: low...high))
  }
}

extension Requantize: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    let scaled = try network.scaled(
      try network.source(0), by: network.factor(rescale, network.input(0).scale))
    network.bind(try network.limited(scaled, within: rescale.low...rescale.high))
  }
}
