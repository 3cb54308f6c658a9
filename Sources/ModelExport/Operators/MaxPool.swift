import IntegerOperators
import ModelWriter
import TFLiteSchema

extension MaxPool: TFLiteExportable, OnnxExportable {
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    try exporter.addPool(.maxPool2D, operation, window, fill: -128)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.addPool("MaxPool", operation, window)
  }
}
