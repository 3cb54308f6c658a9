import FixedPoint
import FloatGraph
import IntegerOperators

extension FloatGraph.HardSwish: LowerableOperator {
  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.hardSwish, under: profile)
  }
}
