import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension FloatGraph.Softmax: LowerableOperator {
  package var storageOrder: StorageOrder { .last(axis) }
  /// TensorFlow Lite has no other.
  package var outputGrid: Grid? { Grid(scale: 1 / 256, zeroPoint: -128, bits: 8) }

  package func lower(_ unit: LoweredUnit, with builder: inout ProgramBuilder) throws -> Int {
    let count = unit.sources[0].shape[axis]
    let rows = unit.sources[0].elementCount / count
    let tensor = builder.viewed(
      unit.inputs[0], as: [1, rows, count], named: unit.sources[0].name + "/vectors")
    guard let kind = IntegerOperation.Kind.softmax(of: Double(builder[tensor].scale)) else {
      throw RuleViolation("its input's scale leaves nothing to tell apart")
    }
    return unit.becomes(LastOperation(kind, [tensor], extent: [1, rows, count]), in: &builder)
  }
}

extension Softmax: DequantizableOperator {
  package func dequantize(in network: inout Dequantization) throws(QuantizationError) {
    try network.finish(.softmax(axis: 0))
  }
}
