import IntegerOperators
import ModelWriter

extension Constant: TFLiteExportable where Storage == InMemory {
  static var isWritten: Bool { false }

  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    exporter.places[operation.output] = exporter.file.add(
      exporter.description(of: operation.output),
      content: elements.map { UInt8(bitPattern: $0) })
  }
}
