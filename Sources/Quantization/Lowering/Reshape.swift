import CupelFloatGraph

extension FloatGraph.Reshape: LowerableOperator {
  package var movesNothing: Bool { true }

  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? { stored }
}

extension FloatGraph.Transpose: LowerableOperator {
  package var movesNothing: Bool { true }

  package func moved(_ stored: StoredValue, from shape: [Int]) -> StoredValue? {
    stored.transposed(shape, order: order)
  }
}
