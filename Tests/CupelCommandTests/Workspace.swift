import Foundation
import Testing

/// A folder of a test's own, gone with it. `cupel` runs in it.
final class Workspace {
  let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "/cupel-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func write(_ bytes: [UInt8], to name: String) throws {
    let url = URL(fileURLWithPath: path(name))
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func bytes(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  func json<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes(name)))
  }

  /// The object that a JSON file holds.
  func object(_ name: String) throws -> [String: Any] {
    let value = try JSONSerialization.jsonObject(with: Data(bytes(name)))
    return try #require(value as? [String: Any])
  }

  /// Every file and folder in here, hidden ones too, with what the files hold.
  func contents() throws -> [String: [UInt8]?] {
    var found: [String: [UInt8]?] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: path(name), isDirectory: &isFolder)
      found.updateValue(isFolder.boolValue ? nil : try bytes(name), forKey: name)
    }
    return found
  }
}

extension Workspace {
  /// Runs `cupel`, which is to end with `status` and say nothing of errors.
  @discardableResult
  func succeed(
    _ arguments: [String], status: Int32 = 0, limit: Double = 120,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandLineTool.Outcome {
    let outcome = try CommandLineTool.run(arguments, in: folder, limit: limit)
    #expect(
      outcome.status == status, "cupel \(arguments.joined(separator: " ")): \(outcome.errors)",
      sourceLocation: sourceLocation)
    #expect(!outcome.errors.lowercased().contains("error"), sourceLocation: sourceLocation)
    return outcome
  }

  /// Runs `cupel`, which is to fail with `status`, tell why on standard error alone, and leave
  /// this folder as it is.
  ///
  /// - Parameter words: what the message must mention.
  func fail(
    _ arguments: [String], status: Int32, _ words: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try contents()
    let outcome = try CommandLineTool.run(arguments, in: folder)
    let what = Comment("cupel \(arguments.joined(separator: " ")): \(outcome.errors)")
    #expect(outcome.status == status, what, sourceLocation: sourceLocation)
    #expect(outcome.status != 1, what, sourceLocation: sourceLocation)
    #expect(outcome.output == "", what, sourceLocation: sourceLocation)
    for word in words {
      #expect(outcome.errors.contains(word), what, sourceLocation: sourceLocation)
    }
    let message = outcome.errors.split(separator: "\n").last {
      $0.hasPrefix("cupel: ") || $0.hasPrefix("Error: ")
    }
    #expect(message != nil, what, sourceLocation: sourceLocation)
    // A value of Swift's printed as it is says nothing to a user.
    for sign in ["internal error", "Error(", "Optional(", "rule:"] {
      #expect(!outcome.errors.contains(sign), what, sourceLocation: sourceLocation)
    }
    #expect(try contents() == before, what, sourceLocation: sourceLocation)
  }
}
