import Foundation

/// What is said of some files: an in-toto statement, version 1.
public struct Statement<Predicate: Codable & Sendable & Equatable>: Sendable, Codable, Equatable {
  /// The type of statement.
  public var _type = "https://in-toto.io/Statement/v1"
  /// The files.
  public var subject: [ResourceDescriptor]
  /// What kind of thing is said.
  public var predicateType: String
  /// What is said.
  public var predicate: Predicate

  /// - Parameters: as the members of these names.
  public init(subject: [ResourceDescriptor], predicateType: String, predicate: Predicate) {
    (self.subject, self.predicateType, self.predicate) = (subject, predicateType, predicate)
  }

  /// - Parameters:
  ///   - bytes: of a signed payload.
  ///   - type: of the predicate that is expected.
  /// - Throws: `AttestationError` where it is no such statement.
  public init(json bytes: [UInt8], predicateType type: String) throws(AttestationError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch {
      throw AttestationError("its payload is no in-toto statement with the predicate \(type)")
    }
    guard _type == "https://in-toto.io/Statement/v1", predicateType == type else {
      throw AttestationError(
        "its payload is no in-toto statement of version 1 with the predicate \(type)")
    }
  }

  /// In one line, keys sorted.
  public var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(self)).map { Array($0) } ?? []
  }
}

/// A thing that a statement speaks of: in-toto's ResourceDescriptor, as far as it is needed.
public struct ResourceDescriptor: Sendable, Codable, Equatable {
  /// Of the thing.
  public var name: String
  /// By algorithm, lower-case hexadecimal.
  public var digest: [String: String]
  /// The thing itself in base64; nil where it is not part of the statement.
  public var content: String?
  /// Of the content.
  public var mediaType: String?

  /// - Parameters:
  ///   - name: of the thing.
  ///   - sha256: lower-case hexadecimal.
  public init(name: String, sha256: String) {
    self.name = name
    digest = ["sha256": sha256]
  }

  /// With the thing itself.
  ///
  /// - Parameters:
  ///   - name: of the thing.
  ///   - content: its bytes.
  ///   - mediaType: of the bytes.
  public init(name: String, content: [UInt8], mediaType: String) {
    self.init(name: name, sha256: Hexadecimal.sha256(content))
    self.content = Base64.text(content)
    self.mediaType = mediaType
  }

  /// SHA-256, lower-case hexadecimal; nil where the descriptor has none.
  public var sha256: String? { digest["sha256"] }

  /// The thing itself.
  ///
  /// - Returns: nil where it is not part of the statement, is no base64, or has another digest.
  public var bytes: [UInt8]? {
    guard let bytes = content.flatMap(Base64.bytes), Hexadecimal.sha256(bytes) == sha256 else {
      return nil
    }
    return bytes
  }
}

/// The predicate of in-toto for results of tests, version 0.1.
public struct TestResult: Sendable, Codable, Equatable {
  /// Of the type of predicate.
  public static let predicateType = "https://in-toto.io/attestation/test-result/v0.1"

  /// How the tests ended.
  public enum Result: String, Sendable, Codable {
    /// Well.
    case passed = "PASSED"
    /// With warnings.
    case warned = "WARNED"
    /// Badly.
    case failed = "FAILED"
  }

  /// Of all tests.
  public var result: Result
  /// What the tests were made from.
  public var configuration: [ResourceDescriptor]
  /// Names of tests.
  public var passedTests: [String] = []
  /// Names of tests.
  public var warnedTests: [String] = []
  /// Names of tests.
  public var failedTests: [String] = []

  /// - Parameters: as the members of these names.
  public init(result: Result, configuration: [ResourceDescriptor]) {
    (self.result, self.configuration) = (result, configuration)
  }
}
