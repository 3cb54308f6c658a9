import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Operators of two inputs.
extension TFLiteExporter {
  mutating func addSum(
    _ row: TFLiteRow, _ operation: IntegerOperation, _ own: SumScales
  ) throws(ExportError) {
    let scales = operation.inputs.map { program.tensors[$0].scale }
    let derived = try? SumScales(
      scales[0], scales[1], output: program.tensors[operation.output].scale,
      within: Bounds(low: own.low, high: own.high))
    guard derived == own else {
      throw .operation(
        name: operation.name, "its multipliers are not the ones that follow from the scales")
    }
    addArithmetic(row, operation, low: own.low, high: own.high)
  }

  mutating func addArithmetic(
    _ row: TFLiteRow, _ operation: IntegerOperation, low: Int8, high: Int8
  ) {
    let (activation, target, rest) = activation(low: low, high: high, of: operation.output)
    append(
      row, operation.inputs.map { image($0) }, target,
      [(TFLite.Options.Arithmetic.activation, .int8(activation.rawValue))])
    rest?(&self)
  }
}
