import FloatGraph
import IntegerBuilder

extension FloatGraph.Multiply: LowerableOperator {
  package var fusesClamp: Bool { true }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let rescale = try builder.product(of: unit.inputs, on: unit.output.grid, within: unit.bounds)
    return builder.append(unit.name, .multiply(.init(rescale)), unit.inputs, giving: unit.output)
  }
}
