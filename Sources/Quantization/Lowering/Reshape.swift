import CupelFloatGraph
import CupelIntegerBuilder

extension FloatGraph.Reshape: LowerableOperator {
  package var readsFlattened: Bool { true }

  /// Flattening moves nothing: the value keeps living in its tensor. Any other change of shape
  /// would move elements about between channel-first and channel-last order.
  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    guard unit.target.shape.count == 1 || unit.output.extent == builder[unit.inputs[0]].extent
    else { throw RuleViolation("Reshape may only flatten an image") }
    return unit.inputs[0]
  }
}
