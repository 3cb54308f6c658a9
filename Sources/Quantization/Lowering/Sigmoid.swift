import FixedPoint
import FloatGraph
import IntegerBuilder
import IntegerOperators

extension FloatGraph.Sigmoid: LowerableOperator {
  /// TensorFlow Lite has no other.
  package var outputGrid: Grid? { Grid(scale: 1 / 256, zeroPoint: -128, bits: 8) }

  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.logistic, under: profile)
  }
}
