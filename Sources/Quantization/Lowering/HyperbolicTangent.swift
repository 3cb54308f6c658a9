import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators

extension FloatGraph.HyperbolicTangent: LowerableOperator {
  /// TensorFlow Lite has no other.
  package var outputGrid: Grid? { Grid(scale: 1 / 128, zeroPoint: 0, bits: 8) }

  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.hyperbolicTangent, under: profile)
  }
}
