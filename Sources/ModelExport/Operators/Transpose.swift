import CupelIntegerOperators

extension Transpose: TFLiteExportable {
  func write(to exporter: inout TFLiteExporter) {
    let order = exporter.file.add([0] + axes.list.map { $0 + 1 }, name: "order")
    exporter.append(.transpose, version: 2, [exporter.image(), order], exporter.target)
  }
}
