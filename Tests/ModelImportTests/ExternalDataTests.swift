import CupelModelImport
import Foundation
import Testing

/// Weights in other files: read from the model's own folder and from nowhere else.
@Suite struct ExternalDataTests {
  typealias Source = OnnxModelSource

  /// A folder that is gone when the body is done.
  private func inFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("external-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  /// A pair of a key and a value, as field 13 holds it.
  private static func entry(_ key: String, _ value: String) -> [UInt8] {
    var writer = OnnxWriter()
    writer.text(1, key)
    writer.text(2, value)
    return writer.bytes
  }

  /// A convolution by one of two channels, whose weights lie elsewhere.
  private static func source(_ entries: [[UInt8]]) -> Source {
    var weights = Source.Tensor(name: "w", dimensions: [2, 2, 1, 1], elementType: 1, raw: [])
    weights.location = 1
    weights.entries = entries
    return Source([.init("Conv", ["x", "w"], ["y"])], [weights])
  }

  private static let values: [Float] = [1, -2, 3, 0.5]
  private static let bytes = Data(Source.Tensor.floats("", [], values).raw)

  private func refusal(_ entries: [[UInt8]], in folder: URL) -> String {
    let path = folder.appendingPathComponent("model.onnx").path
    do {
      _ = try ModelImporter.load(
        bytes: Self.source(entries).bytes, external: ExternalData.beside(path))
      return "accepted"
    } catch { return error.description }
  }

  @Test func partOfAFileIsRead() throws {
    try inFolder { folder in
      let content = Data([9, 9, 9]) + Self.bytes + Data([7])
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("data"), withIntermediateDirectories: true)
      try content.write(to: folder.appendingPathComponent("data/w.bin"))
      let entries = [
        Self.entry("location", "data/w.bin"), Self.entry("offset", "3"),
        Self.entry("length", "16"), Self.entry("checksum", "ignored"),
      ]
      let model = folder.appendingPathComponent("model.onnx")
      try Data(Self.source(entries).bytes).write(to: model)
      let graph = try OnnxImporter.load(path: model.path)
      #expect(graph.nodes[0].operation.weighted?.weights == Self.values)
    }
  }

  /// Without a length a tensor has all that follows.
  @Test func restOfAFileIsRead() throws {
    try inFolder { folder in
      try Self.bytes.write(to: folder.appendingPathComponent("w.bin"))
      #expect(refusal([Self.entry("location", "w.bin")], in: folder) == "accepted")
    }
  }

  @Test func nothingOutsideTheFolderIsRead() throws {
    try inFolder { outside in
      try Self.bytes.write(to: outside.appendingPathComponent("w.bin"))
      try inFolder { folder in
        let link = folder.appendingPathComponent("link.bin").path
        try FileManager.default.createSymbolicLink(
          atPath: link, withDestinationPath: outside.appendingPathComponent("w.bin").path)
        let places = [
          outside.appendingPathComponent("w.bin").path,
          "../\(outside.lastPathComponent)/w.bin", "data/../../w.bin", "..", "link.bin", ".", "",
        ]
        for place in places {
          let message = refusal([Self.entry("location", place)], in: folder)
          #expect(message.hasPrefix("tensor 'w': its data"), "\(place): \(message)")
        }
      }
    }
  }

  @Test func whatIsNotThereIsRefused() throws {
    try inFolder { folder in
      try Self.bytes.write(to: folder.appendingPathComponent("w.bin"))
      let location = Self.entry("location", "w.bin")
      let cases: [(String, [[UInt8]])] = [
        (
          "too few for 16 from byte 8",
          [location, Self.entry("offset", "8"), Self.entry("length", "16")]
        ),
        ("too few", [location, Self.entry("offset", "9223372036854775807")]),
        ("needs 4 elements, the file has 2", [location, Self.entry("length", "8")]),
        ("offset in another file is '-1'", [location, Self.entry("offset", "-1")]),
        ("length in another file is 'many'", [location, Self.entry("length", "many")]),
        ("does not name", [Self.entry("offset", "0")]),
        ("malformed", [[0x0A, 0x7F]]),
        ("No such file", [Self.entry("location", "nothing.bin")]),
      ]
      for (rule, entries) in cases {
        let message = refusal(entries, in: folder)
        #expect(message.contains(rule), "\(message)")
      }
    }
  }

  /// The message names the file as a person would.
  @Test func aMessageNamesTheFile() throws {
    try inFolder { folder in
      let message = refusal([Self.entry("location", "nothing.bin")], in: folder)
      #expect(message.contains(": \(folder.path)/nothing.bin: "), "\(message)")
    }
  }

  /// Each is asked for once; where each copied all of them, this would take minutes.
  @Test func thousandsOfTensorsAreRead() throws {
    let count = 8000
    var tensors: [Source.Tensor] = []
    for index in 0..<count {
      var tensor = Source.Tensor(name: "w\(index)", dimensions: [4], elementType: 1, raw: [])
      tensor.location = 1
      tensor.entries = [Self.entry("location", "w.bin"), Self.entry("offset", "\(16 * index)")]
      tensors.append(tensor)
    }
    let source = Source([.init("Relu", ["x"], ["y"])], tensors)
    var offsets: [Int] = []
    _ = try? ModelImporter.load(bytes: source.bytes) { part in
      offsets.append(part.offset)
      return [UInt8](Self.bytes)
    }
    #expect(offsets == (0..<count).map { 16 * $0 })
  }

  /// Bytes alone have no folder.
  @Test func bytesAloneAreRefused() {
    let source = Self.source([Self.entry("location", "w.bin")])
    let error = #expect(throws: ImportError.self) { try ModelImporter.load(bytes: source.bytes) }
    #expect(error?.description.contains("its data lies in another file") == true)
  }
}
