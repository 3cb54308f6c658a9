import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Multiply: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let rescale = try builder.product(of: unit.inputs, on: unit.output.grid, within: unit.bounds)
    return unit.becomes(.multiply(.init(rescale)), in: &builder)
  }
}
