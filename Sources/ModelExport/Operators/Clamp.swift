import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Clamp: TFLiteExportable, OnnxExportable {
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    exporter.limit(
      exporter.image(operation.inputs[0]), low: low, high: high, to: operation.output)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.finish(
      exporter.image(operation.inputs[0]), low: low, high: high, to: operation.output)
  }
}
