import ArgumentParser
import Cupel
import CupelHostRuntime
import CupelModelExport
import CupelSupport

/// `cupel export`: an integer model for another runtime.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes an integer model as a .tflite file, as quantized ONNX, or as C.",
    discussion: """
      Integers, scales and zero points stay as they are. What the format has no place for is told: \
      channels with a negative scale have their weights negated, and an operation may be written as \
      another that gives the same numbers. Rounding is the runtime's own: what LiteRT's reference \
      kernels compute is what 'cupel run --profile litert-reference' does. LiteRT 2.3 runs int4 \
      convolutions only without XNNPACK.

      --to c writes the .cupel file itself as an array, and beside it a header with the sizes that \
      firmware needs. Names in both begin with cupel_model_ and what C allows of the file's name.

      Examples:
        cupel export purified.cupel --to tflite -o purified.tflite
        cupel export purified.cupel --to onnx -o purified.onnx
        cupel export purified.cupel --to c -o purified.c
      """)

  enum Format: String, CaseIterable {
    case tflite, onnx, c

    static func parse(_ name: String) throws -> Format {
      try Format(rawValue: name.lowercased())
        .orInvalid("it is none of \(allCases.map(\.rawValue).joined(separator: ", "))")
    }
  }

  @Argument(help: "An integer model: .cupel, .tflite or quantized ONNX.") var model: String

  @Option(help: ArgumentHelp("tflite, onnx or c.", valueName: "format"), transform: Format.parse)
  var to: Format

  @Option(name: [.short, .long], help: "The file to write.") var output: String

  @Flag(help: "Write nothing where the file would compute other numbers than the model.")
  var exact = false

  func validate() throws {
    guard to != .c || (output.hasSuffix(".c") && header != output) else {
      throw ValidationError("--to c writes a .c file and a header beside it: give -o NAME.c")
    }
  }

  private var header: String { String(output.dropLast(2)) + ".h" }

  func run() throws {
    try checkWritable(output, to == .c ? header : nil, inputs: [model])
    let integer = try LoadedModel(path: model).integer()
    switch to {
    case .c: try writeSource(integer)
    case .tflite, .onnx: try write(integer)
    }
  }

  private func write(_ integer: IntegerModel) throws {
    let program = integer.program
    let exported = try CupelError.naming(model) {
      to == .tflite
        ? try TFLiteExporter.export(program, widening: exact)
        : try OnnxExporter.export(program, widening: exact)
    }
    let changes = exported.notes.filter(\.changesResults)
    guard !exact || changes.isEmpty else {
      throw Failure("\(model): not exact: " + changes.map(\.description).joined(separator: "; "))
    }
    try AtomicFile.write(exported.bytes, to: output)
    for note in exported.notes { print("note: \(printable(note.description, limit: 400))") }
    print("\(output): \(to.rawValue), \(kibibytes(exported.bytes.count))")
  }

  private func writeSource(_ integer: IntegerModel) throws {
    let name = String(lastComponent(of: output).dropLast(2))
    let source = integer.engine.withFile { bytes in
      integer.engine.withModel { model in
        CSource(
          model: model, file: Array(bytes), arenaBytes: integer.engine.arenaBytes, name: name)
      }
    }
    try AtomicFile.write(source.header, to: header)
    try AtomicFile.write(source.implementation, to: output)
    print(
      "\(output), \(header): \(kibibytes(integer.engine.fileBytes)) of flash, "
        + "\(kibibytes(integer.engine.arenaBytes)) of RAM; the array is "
        + CSource.identifier(for: name))
  }
}
