import FloatGraph
import IntegerBuilder

extension FloatGraph.MaxPool: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    builder.append(
      unit.name, .maxPool(.init(PaddedWindow(window).integer)), unit.inputs, giving: unit.output)
  }
}
