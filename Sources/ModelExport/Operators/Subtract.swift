import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Subtract: TFLiteExportable, OnnxExportable {
  static var repeatsInputs: Bool { true }

  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    try exporter.addSum(
      TFLiteRow(.sub, version: 2, options: TFLite.OptionsType.sub), operation, scales)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.addBinary("Sub", operation, low: scales.low, high: scales.high)
  }
}
