import IntegerOperators
import ModelWriter
import TFLiteSchema

extension AveragePool: TFLiteExportable, OnnxExportable {
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    // Padding does not count, so that nothing can stand there.
    try exporter.addPool(.averagePool2D, operation, window, fill: nil)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.addPool("AveragePool", operation, window)
  }
}
