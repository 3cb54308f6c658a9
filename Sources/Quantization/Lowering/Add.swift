import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Add: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let sum = try builder.sum(of: unit.inputs, on: unit.output.grid, within: unit.bounds)
    return unit.becomes(.add(.init(sum)), in: &builder)
  }
}
