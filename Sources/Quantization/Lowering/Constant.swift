import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Constant: LowerableOperator {
  package var constant: [Float]? { values }

  /// It becomes a tensor where it is read.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.inputs[0]
  }
}
