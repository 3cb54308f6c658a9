import CupelSupport
import Foundation
import TestSupport
import Testing

/// A vendor's `.tflite` file, given to the verbs. That the numbers are the runtimes' is ModelImport's
/// tests' business; here they are the same on every way through the command line.
@Suite(.startsProcesses) struct TFLiteTests {
  private static let golden = Repository.golden("ModelImportTests").appendingPathComponent("tflite")

  private struct Records: Decodable {
    struct Case: Decodable {
      let name: String
      let input, litert: Data
      let tflm: Data?
    }

    let integer: [Case]
  }

  private func record(_ name: String) throws -> Records.Case {
    let data = try Data(contentsOf: Self.golden.appendingPathComponent("operators.json"))
    let records = try JSONDecoder().decode(Records.self, from: data)
    return try #require(records.integer.first { $0.name == name })
  }

  /// A workspace with a model and its inputs.
  private func workspace(_ name: String) throws -> Workspace {
    let workspace = try Workspace()
    let file = Self.golden.appendingPathComponent("\(name).tflite")
    try workspace.write([UInt8](try Data(contentsOf: file)), to: "vendor.tflite")
    try workspace.write([UInt8](try record(name).input), to: "input.bin")
    return workspace
  }

  /// The last bytes of a .npy file are its elements.
  private func elements(_ file: String, count: Int, in workspace: Workspace) throws -> [UInt8] {
    let bytes = try workspace.bytes(file)
    #expect(bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]))
    #expect((bytes.count - count) % 64 == 0)
    return Array(bytes.suffix(count))
  }

  @Test(arguments: ["fully_connected_ties", "softmax", "logistic"])
  func everyWayThroughTheCommandLineGivesTheRuntimesNumbers(name: String) throws {
    let golden = try record(name)
    let expected = [UInt8](golden.litert)
    let workspace = try workspace(name)
    let profile = ["--profile", "litert-reference", "--input", "input.bin"]
    try workspace.succeed(["dump", "vendor.tflite", "-o", "all"] + profile)
    #expect(try elements("all/1.npy", count: expected.count, in: workspace) == expected)
    try workspace.succeed(["dump", "vendor.tflite", "--output-only", "-o", "one"] + profile)
    #expect(try elements("one/1.npy", count: expected.count, in: workspace) == expected)
    try workspace.succeed(
      ["compile", "vendor.tflite", "--profile", "litert-reference", "-o", "vendor.cupel"])
    try workspace.succeed(["dump", "vendor.cupel", "--input", "input.bin", "-o", "own"])
    #expect(try elements("own/1.npy", count: expected.count, in: workspace) == expected)
    if let tflm = golden.tflm {
      try workspace.succeed(["dump", "vendor.tflite", "--input", "input.bin", "-o", "micro"])
      #expect(
        try elements("micro/1.npy", count: expected.count, in: workspace) == [UInt8](tflm))
    }
  }

  @Test func inspectShowsOperatorsAndTheArena() throws {
    let workspace = try workspace("convolution")
    let text = try workspace.succeed(["inspect", "vendor.tflite", "--json", "i.json"]).output
    #expect(text.contains("vendor.tflite  (integer"))
    #expect(text.contains("convolution"))
    #expect(text.contains("in use, at most"))
    let summary = try workspace.object("i.json")
    #expect(summary["weightBytes"] as? Int == 135)
    #expect(summary["macs"] as? Int == 1620)
    let arena = try #require(summary["arena"] as? [String: Any])
    #expect((arena["tensors"] as? [Any])?.count == 2)
    #expect(arena["bytesInUse"] as? [Int] == [7 * 6 * 3 + 4 * 3 * 5])
  }

  @Test func integersNeedNoSchemeAndFloatsDo() throws {
    let workspace = try workspace("convolution")
    try workspace.fail(
      ["compile", "vendor.tflite", "--scheme", "w8a8", "-o", "x.cupel"], status: 64,
      ["--scheme", "quantized already"])
    try workspace.fail(
      ["purify", "vendor.tflite", "--scheme", "w8a8", "-o", "x.cupel"], status: 65,
      ["vendor.tflite", "quantized already"])
    let float = Self.golden.appendingPathComponent("float_network.tflite")
    try workspace.write([UInt8](try Data(contentsOf: float)), to: "float.tflite")
    try workspace.fail(
      ["compile", "float.tflite", "-o", "x.cupel"], status: 64, ["needs a --scheme"])
    try workspace.fail(
      ["dump", "vendor.tflite", "--input", "vendor.tflite", "-o", "x"], status: 65,
      ["whole number of tensors"])
  }

  @Test func damagedFilesAreBadData() throws {
    let workspace = try workspace("convolution")
    let whole = try workspace.bytes("vendor.tflite")
    for length in [0, 4, 100, whole.count / 2, whole.count - 1] {
      try workspace.write(Array(whole[..<length]), to: "cut.tflite")
      try workspace.fail(["inspect", "cut.tflite"], status: 65, ["cut.tflite"])
    }
  }
}
