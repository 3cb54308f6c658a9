import CupelIntegerOperators

extension Broadcast: TFLiteExportable {
  static var isWritten: Bool { false }

  /// Sums and products repeat the smaller of their inputs by themselves.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let (program, output) = (exporter.program, exporter.operation.output)
    let repeated = Set(program.operations.filter { $0.kind.payload is Broadcast }.map(\.output))
    let readers = program.operations.filter { $0.inputs.contains(output) }
    let areArithmetic = readers.allSatisfy { reader in
      reader.inputs.contains { !repeated.contains($0) }
        && TFLiteExporter.form(of: reader)?.repeatsInputs == true
    }
    guard areArithmetic, !program.outputs.contains(output) else {
      throw exporter.failure("only sums and products repeat values in this format")
    }
    exporter.repeated[output] = exporter.image()
  }
}
