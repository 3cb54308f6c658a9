import Foundation
import TestSupport
import Testing

/// Where a test runs `cupel`.
typealias Workspace = TemporaryFolder

extension Workspace {
  func json<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes(name)))
  }

  /// The object that a JSON file holds.
  func object(_ name: String) throws -> [String: Any] {
    let value = try JSONSerialization.jsonObject(with: Data(bytes(name)))
    return try #require(value as? [String: Any])
  }

  /// Runs `cupel`, which is to end with `status` and say nothing of errors.
  @discardableResult
  func succeed(
    _ arguments: [String], status: Int32 = 0, limit: Double = 120,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> CommandLineTool.Outcome {
    let outcome = try CommandLineTool.run(arguments, in: path, limit: limit)
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
    let outcome = try CommandLineTool.run(arguments, in: path)
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
