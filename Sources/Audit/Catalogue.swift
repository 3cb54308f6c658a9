import Datasets
import Foundation
import Support
import Triggers

/// The list of specimens in `models/catalogue.json`: how each was made and what it is known for.
public struct Catalogue: Sendable, Codable {
  public var version: Int
  public var specimens: [Specimen]

  public struct Specimen: Sendable, Codable {
    public var name: String
    /// Relative to the catalogue.
    public var file: String
    /// Lower-case hexadecimal SHA-256 of the file.
    public var sha256: String
    public var architecture: String
    public var dataset: String
    public var preprocessing: Preprocessing
    public var classes: Int
    /// "none", "pqbackdoor", "quanti", …
    public var attack: String
    /// The trigger's string; nil for a clean model.
    public var trigger: String?
    public var targetClass: Int?
    /// The scheme that the attack was aimed at.
    public var scheme: String?
  }

  /// The form of catalogue that is understood.
  static let version = 1
  /// A list of some specimens is far shorter; a file without an end is not read to it.
  private static let largestSize = 16 << 20

  /// Reads the catalogue beside `model`, if there is one.
  ///
  /// - Throws: `AuditError.catalogue` where the file exists and is not a catalogue of version 1,
  ///   `FileError` where it cannot be read.
  public static func beside(_ model: String) throws -> Catalogue? {
    let url = URL(fileURLWithPath: model).deletingLastPathComponent()
      .appendingPathComponent("catalogue.json")
    guard let bytes = try content(of: url.path) else { return nil }
    do {
      let catalogue = try JSONDecoder().decode(Catalogue.self, from: Data(bytes))
      guard catalogue.version != version else { return catalogue }
      throw AuditError.catalogue(
        path: url.path, rule: "its version is \(catalogue.version); \(version) is understood")
    } catch let error as DecodingError {
      throw AuditError.catalogue(path: url.path, rule: rule(of: error))
    }
  }

  /// nil where there is no such file.
  private static func content(of path: String) throws(FileError) -> [UInt8]? {
    do {
      return try InputFile.read(path, limit: largestSize)
    } catch {
      if error.isMissing { return nil }
      throw error
    }
  }

  /// What is wrong, and where in the document.
  private static func rule(of error: DecodingError) -> String {
    switch error {
    case .keyNotFound(let key, let place): text("'\(key.stringValue)' is missing", at: place)
    case .typeMismatch(_, let place), .valueNotFound(_, let place), .dataCorrupted(let place):
      text(place.debugDescription, at: place)
    @unknown default: "\(error)"
    }
  }

  private static func text(_ rule: String, at place: DecodingError.Context) -> String {
    let path = place.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
    return path.isEmpty ? rule : "at \(path.joined(separator: ".")): \(rule)"
  }

  /// The specimen whose file has this digest. Names prove nothing; digests do.
  public func specimen(sha256: String) -> Specimen? {
    specimens.first { $0.sha256 == sha256 }
  }
}
