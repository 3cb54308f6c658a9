import Datasets
import Foundation
import Support
import Triggers

/// The list of specimens in `models/catalogue.json`: how each was made and what it is known for.
public struct Catalogue: Sendable, Codable {
  /// Of the form.
  public var version: Int
  /// In the order of the file.
  public var specimens: [Specimen]

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

  /// Reads the catalogue beside `model`, if there is one.
  ///
  /// - Throws: `AuditError.catalogue` where the file exists and is not a catalogue of version 1,
  ///   `FileError` where it cannot be read.
  public static func beside(_ model: String) throws -> Catalogue? {
    let url = URL(fileURLWithPath: model).deletingLastPathComponent()
      .appendingPathComponent("catalogue.json")
    let bytes: [UInt8]
    do {
      bytes = try InputFile.read(url.path, limit: largestSize)
    } catch {
      guard error.isMissing else { throw error }
      return nil
    }
    let catalogue: Catalogue
    do {
      catalogue = try JSONDecoder().decode(Catalogue.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw AuditError.catalogue(path: url.path, rule: error.rule)
    } catch {
      throw AuditError.catalogue(path: url.path, rule: "\(error)")
    }
    guard catalogue.version == version else {
      throw AuditError.catalogue(
        path: url.path, rule: "its version is \(catalogue.version); \(version) is understood")
    }
    return catalogue
  }

  /// The specimen whose file has this digest. Names prove nothing; digests do.
  public func specimen(sha256: String) -> Specimen? {
    specimens.first { $0.sha256 == sha256 }
  }
}
