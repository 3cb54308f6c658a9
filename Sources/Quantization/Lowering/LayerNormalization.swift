import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

extension FloatGraph.LayerNormalization: LowerableOperator {
  package var storageOrder: StorageOrder { .rowMajor }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    guard gamma.count <= 1 << 15 else {
      throw RuleViolation(
        "it normalizes \(gamma.count) elements together; a program can do that to 32768")
    }
    let extent = [1, unit.target.elementCount / gamma.count, gamma.count]
    let rows = builder.viewed(
      unit.inputs[0], as: extent, named: unit.sources[0].name + "/vectors")
    let kind = IntegerOperation.Kind.layerNormalization(
      try .init(
        gamma: gamma, beta: beta, epsilon: epsilon, from: builder[rows].grid,
        to: unit.output.grid))
    return unit.becomes(LastOperation(kind, [rows], extent: extent), in: &builder)
  }
}
