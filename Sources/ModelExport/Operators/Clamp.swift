import CupelIntegerOperators

extension Clamp: TFLiteExportable, OnnxExportable {
  func write(to exporter: inout TFLiteExporter) { exporter.limit(exporter.image(), within: self) }

  func write(to exporter: inout OnnxExporter) {
    exporter.finish(exporter.image(), within: self, isStored: true)
  }
}
