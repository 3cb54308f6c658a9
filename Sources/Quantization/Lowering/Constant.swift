import CupelFloatGraph

extension FloatGraph.Constant: LowerableOperator {
  package var constant: [Float]? { values }
}
