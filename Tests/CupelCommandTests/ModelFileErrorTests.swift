import CupelSupport
import Foundation
import TestSupport
import Testing

/// Files that are no models, given to every verb that reads one.
@Suite(.startsProcesses) struct ModelFileErrorTests {
  /// What reads a model, with the model's place left open.
  private static func commands(_ model: String) -> [[String]] {
    let attack = ["--trigger", "patch:4x4@center:white", "--target", "0"]
    let reading = [["inspect", model], ["run", model], ["audit", model] + attack]
    if model.hasSuffix(".cupel") { return reading }
    let making = ["--scheme", "w8a8", "-o", "out.cupel"]
    return reading + [["compile", model] + making, ["purify", model] + making]
  }

  private func fail(_ model: String, status: Int32, in workspace: Workspace, _ words: String...)
    throws
  {
    for command in Self.commands(model) {
      try workspace.fail(command, status: status, [model] + words)
    }
  }

  @Test(arguments: ["model.onnx", "model.cupel", "nowhere/model.onnx", "nowhere/model.cupel"])
  func missing(model: String) throws {
    try fail(model, status: 66, in: Workspace(), "No such file")
  }

  @Test(arguments: ["folder.onnx", "folder.cupel"])
  func folder(model: String) throws {
    let workspace = try Workspace()
    try workspace.write([], to: "\(model)/file")
    try fail(model, status: 65, in: workspace, "directory")
  }

  @Test(arguments: ["noise.onnx", "noise.cupel"])
  func noise(model: String) throws {
    let workspace = try Workspace()
    var generator = SeededGenerator(seed: 3)
    try workspace.write((0..<4096).map { _ in UInt8(generator.below(256)) }, to: model)
    try fail(model, status: 65, in: workspace, "byte")
  }

  @Test func truncatedFloat() throws {
    let whole = [UInt8](
      try Data(contentsOf: URL(fileURLWithPath: try Specimens.named(Specimens.cleanName).path)))
    for length in [0, 1, 100, whole.count / 2, whole.count - 1] {
      let workspace = try Workspace()
      try workspace.write(Array(whole[..<length]), to: "cut.onnx")
      try fail("cut.onnx", status: 65, in: workspace)
    }
  }

  @Test func truncatedInteger() throws {
    let whole = try CompiledModel.bytes()
    for length in [0, 1, 100, whole.count / 2, whole.count - 1] {
      let workspace = try Workspace()
      try workspace.write(Array(whole[..<length]), to: "cut.cupel")
      try fail("cut.cupel", status: 65, in: workspace, "byte", "rule")
    }
  }

  @Test func flippedBit() throws {
    let whole = try CompiledModel.bytes()
    let workspace = try Workspace()
    var generator = SeededGenerator(seed: 4)
    for position in [0, whole.count - 1] + (0..<20).map({ _ in generator.below(whole.count) }) {
      var bytes = whole
      bytes[position] ^= 1 << generator.below(8)
      try workspace.write(bytes, to: "flipped.cupel")
      try workspace.fail(["inspect", "flipped.cupel"], status: 65, ["flipped.cupel", "rule"])
    }
    try fail("flipped.cupel", status: 65, in: workspace, "rule")
  }

  @Test func integerModelUnderAnotherName() throws {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.bin")
    try fail("model.bin", status: 65, in: workspace, "integer model", ".cupel")
  }

  @Test func integerModelCannotBeCompiled() throws {
    let workspace = try Workspace()
    try workspace.write(CompiledModel.bytes(), to: "model.cupel")
    for verb in ["compile", "purify"] {
      try workspace.fail(
        [verb, "model.cupel", "--scheme", "w8a8", "-o", "out.cupel"], status: 65, ["model.cupel"])
    }
  }
}
