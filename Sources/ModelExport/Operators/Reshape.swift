import CupelIntegerOperators

extension Reshape: TFLiteExportable {
  func write(to exporter: inout TFLiteExporter) {
    let own = exporter.output
    Self.write(
      exporter.source, as: [1, own.height, own.width, own.channels], to: exporter.target, &exporter)
  }

  static func write(
    _ source: Int, as shape: [Int], to target: Int, _ exporter: inout TFLiteExporter
  ) {
    let list = exporter.file.add(shape, name: "shape")
    exporter.append(.reshape, version: 1, [source, list], target)
  }
}
