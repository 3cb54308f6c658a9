import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Clamp: LowerableOperator {
  package var limits: FusedGraph.Unit.Limits? { .init(low: low, high: high) }

  package var storageOrder: StorageOrder { .asStored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let bounds = unit.output.grid.bounds(low: low, high: high)
    return unit.becomes(.clamp(.init(low: bounds.low, high: bounds.high)), in: &builder)
  }
}
