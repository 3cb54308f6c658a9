import Datasets
import Foundation
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

  /// Reads the catalogue beside `model`, if there is one.
  ///
  /// - Throws: `AuditError.catalogue` where the file exists and is not a catalogue.
  public static func beside(_ model: String) throws -> Catalogue? {
    let url = URL(fileURLWithPath: model).deletingLastPathComponent()
      .appendingPathComponent("catalogue.json")
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    do {
      return try JSONDecoder().decode(Catalogue.self, from: Data(contentsOf: url))
    } catch {
      throw AuditError.catalogue(path: url.path, rule: "\(error)")
    }
  }

  /// The specimen whose file has this digest. Names prove nothing; digests do.
  public func specimen(sha256: String) -> Specimen? {
    specimens.first { $0.sha256 == sha256 }
  }
}
