import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.Sigmoid: LowerableOperator {
  /// TensorFlow Lite has no other.
  package var outputGrid: Grid? { Grid(scale: 1 / 256, zeroPoint: -128, bits: 8) }

  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.logistic, under: profile)
  }
}
