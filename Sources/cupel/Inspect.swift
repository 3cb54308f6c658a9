import ArgumentParser
import DeviceSimulation
import Foundation
import HostRuntime
import ModelFormat
import ModelWriter
import Support

/// `cupel inspect`: what is in a model file.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a model's operators, shapes, scales, MACs, flash and RAM, and its digest.",
    discussion: """
      Examples:
        cupel inspect purified.cupel
        cupel inspect purified.cupel --board an386
      """)

  @Argument(help: "A .cupel or ONNX file.") var model: String

  @Option(
    help: ArgumentHelp(
      "Run one image on this simulated board and tell the instructions, flash and RAM that it "
        + "takes: \(Board.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "board"), transform: { try Board(named: $0) })
  var board: Board?

  @Option(help: ArgumentHelp("Write the result as JSON.", valueName: "file")) var json: String?

  func run() throws {
    try checkWritable(json, inputs: [model])
    if board != nil, !isCupelFile(model) { throw ValidationError("--board is for .cupel files") }
    var summary: ModelSummary
    if isCupelFile(model) {
      let integer = try IntegerModel(path: model)
      summary = ModelSummary(integer: integer)
      if let board { try summary.measure(integer, on: board) }
    } else {
      summary = try ModelSummary(float: FloatModel(path: model))
    }
    print(summary.text)
    if let json { try writeJSON(summary, to: json) }
  }
}
