import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Reshape: LowerableOperator {
  package var movesNothing: Bool { true }

  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? { stored }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.inputs[0]
  }
}

extension FloatGraph.Transpose: LowerableOperator {
  package var movesNothing: Bool { true }

  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? {
    stored.transposed(shape, order: order)
  }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    unit.inputs[0]
  }
}
