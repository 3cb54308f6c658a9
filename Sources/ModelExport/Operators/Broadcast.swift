import IntegerOperators
import ModelWriter

extension Broadcast: TFLiteExportable {
  static var isWritten: Bool { false }

  /// Sums and products repeat the smaller of their inputs by themselves.
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let program = exporter.program
    let repeated = Set(program.operations.filter { $0.kind.payload is Broadcast }.map(\.output))
    let readers = program.operations.filter { $0.inputs.contains(operation.output) }
    let areArithmetic = readers.allSatisfy { reader in
      reader.inputs.contains { !repeated.contains($0) }
        && TFLiteExporter.form(of: reader)?.repeatsInputs == true
    }
    guard areArithmetic, operation.output != program.output else {
      throw .operation(name: operation.name, "only sums and products repeat values in this format")
    }
    exporter.repeated[operation.output] = exporter.image(operation.inputs[0])
  }
}
