import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators

extension FloatGraph.LeakyRelu: LowerableOperator {
  package func tableFunction(under profile: DeploymentProfile) -> TableFunction? {
    TableFunction(.leakyRelu, under: profile, slopeBits: slope.bitPattern)
  }
}
