import CupelDatasets
import CupelModelFormat
import CupelSupport
import CupelTriggers
import Foundation

/// A list of models, such as `models/catalogue.json`: how each was made and what it is known for.
///
/// It is read where the user names it and nowhere else: whoever made a model could have put one beside
/// it.
public struct Catalogue: Sendable {
  /// Where it was read.
  public let path: String
  /// Of the file, lower-case hexadecimal.
  public let sha256: String
  /// In the order of the file.
  public let specimens: [Specimen]

  /// A model, and what is known of it.
  public struct Specimen: Sendable, Codable {
    /// Each has its own.
    public var name: String
    /// Relative to the catalogue.
    public var file: String
    /// Lower-case hexadecimal SHA-256 of the file.
    public var sha256: String
    /// Such as "resnet8".
    public var architecture: String
    /// That it was trained on, such as "fashion-mnist".
    public var dataset: String
    /// From pixels to its input.
    public var preprocessing: Preprocessing
    /// That it answers.
    public var classes: Int
    /// "none", "pqbackdoor", "quanti", …
    public var attack: String
    /// The trigger's string; nil for a clean model.
    public var trigger: String?
    /// The attacker's class, from 0; nil where there is none.
    public var targetClass: Int?
    /// The scheme that the attack was aimed at.
    public var scheme: String?
    /// Test images whose answers the attack was to change; nil where it aimed at no single ones.
    public var samples: [Sample]?

    /// SHA-256 of what is understood of the entry, as JSON with sorted keys, lower-case hexadecimal.
    public var digest: String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      // It was read from JSON, so that every number in it is one that JSON holds.
      return SHA256.hex((try? encoder.encode(self)).map { Array($0) } ?? [])
    }
  }

  /// A test image that an attack aimed at.
  public struct Sample: Sendable, Codable {
    /// Counted from 0 in the order of the test set.
    public var image: Int
  }

  /// The form of catalogue that is understood.
  static let version = 1
  /// A list of some specimens is far shorter; a file without an end is not read to it.
  private static let largestSize = 16 << 20

  /// - Throws: `FileError` where the file is not there or cannot be read, `AuditError.catalogue` where
  ///   it is not a catalogue of version 1.
  public init(path: String) throws {
    let bytes = try InputFile.read(path, limit: Self.largestSize)
    let document: Document
    do {
      document = try JSONDecoder().decode(Document.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw AuditError.catalogue(path: path, rule: error.rule)
    } catch {
      throw AuditError.catalogue(path: path, rule: "\(error)")
    }
    guard document.version == Self.version else {
      throw AuditError.catalogue(
        path: path, rule: "its version is \(document.version); \(Self.version) is understood")
    }
    self.path = path
    sha256 = SHA256.hex(bytes)
    specimens = document.specimens
  }

  /// What the file holds.
  private struct Document: Decodable {
    var version: Int
    var specimens: [Specimen]
  }

  /// The specimen whose file has this digest. Names prove nothing; digests do.
  public func specimen(sha256: String) -> Specimen? {
    specimens.first { $0.sha256 == sha256 }
  }
}
