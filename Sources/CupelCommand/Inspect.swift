import ArgumentParser
import Cupel

/// `cupel inspect`: what is in a model file.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a model's operators, shapes, scales, MACs, flash and RAM, and its digest.",
    discussion: """
      Examples:
        cupel inspect purified.cupel
        cupel inspect purified.cupel --board an386
      """)

  @Argument(help: "A .cupel, .tflite or ONNX file.") var model: String

  @Option(
    help: ArgumentHelp(
      "Run random images on this simulated board, compare the outputs with those here, and tell "
        + "the instructions, flash and RAM that the model takes: \(Board.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "board"), transform: { try Board(named: $0) })
  var board: Board?

  @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file")) var json: String?

  @OptionGroup var catalogue: CatalogueOptions

  func run() throws {
    try checkWritable(json, inputs: [model] + catalogue.inputs)
    var summary: ModelSummary
    switch try LoadedModel(path: model, catalogue: catalogue.read()) {
    case .integer(let integer):
      summary = ModelSummary(integer: integer)
      if let board { try summary.measure(integer, on: board) }
    case .float(let float):
      guard board == nil else { throw ValidationError("--board is for integer models") }
      summary = ModelSummary(float: float)
    }
    print(summary.text)
    if let json { try JSONText.write(summary, to: json) }
  }
}
