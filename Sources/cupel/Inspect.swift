import ArgumentParser
import Foundation
import Support

/// `cupel inspect`: what is in a model file.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a model's operators, shapes, scales, MACs, flash and RAM, and its digest.",
    discussion: """
      Example:
        cupel inspect purified.cupel
      """)

  @Argument(help: "A .cupel, .tflite or ONNX file.") var model: String

  @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file")) var json: String?

  func run() throws {
    try checkWritable(json, inputs: [model])
    let summary =
      switch try LoadedModel(path: model) {
      case .integer(let integer): ModelSummary(integer: integer)
      case .float(let float): ModelSummary(float: float)
      }
    print(summary.text)
    if let json { try writeJSON(summary, to: json) }
  }
}
