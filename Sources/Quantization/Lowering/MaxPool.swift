import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.MaxPool: LowerableOperator {
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.becomes(.maxPool(.init(PaddedWindow(window).integer)), in: &builder)
  }
}
