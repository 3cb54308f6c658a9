import IntegerOperators
import ModelWriter
import TFLiteSchema

private let row = TFLiteRow(.add, version: 2, options: TFLite.OptionsType.add)

extension Add: TFLiteExportable, OnnxExportable {
  static var repeatsInputs: Bool { true }

  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    try exporter.addSum(row, operation, scales)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.addBinary("Add", operation, low: scales.low, high: scales.high)
  }

  /// The sum of a tensor's values and zero.
  static func writeZeroSum(
    _ operation: IntegerOperation, source: Int, target: Int, to exporter: inout TFLiteExporter
  ) {
    let input = operation.inputs[0]
    let zero = Int8(exporter.program.tensors[input].zeroPoint)
    let constant = exporter.constant(zero, onGridOf: input, name: operation.name + "/zero")
    exporter.append(
      row, [source, constant], target,
      [(TFLite.Options.Arithmetic.activation, .int8(TFLite.Activation.none.rawValue))])
  }
}
