import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators

extension FloatGraph.HardSwish: LowerableOperator {
  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.hardSwish, under: profile)
  }
}
