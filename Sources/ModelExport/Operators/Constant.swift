import CupelIntegerOperators
import CupelModelWriter

extension Constant: TFLiteExportable where Storage == InMemory {
  static var isWritten: Bool { false }

  func write(to exporter: inout TFLiteExporter) {
    exporter.places[exporter.operation.output] = exporter.file.add(
      exporter.description(of: exporter.operation.output), content: stored(elements))
  }
}
