import CupelDatasets
import Foundation

/// The metadata that Cupel writes into a `.cupel` file.
package enum ModelMetadata {
  package static let originName = "origin.name"
  package static let originDigest = "origin.sha256"
  package static let scheme = "scheme"
  package static let rounding = "rounding"
  package static let profile = "profile"
  package static let calibration = "calibration.images"
  package static let seed = "calibration.seed"
  package static let dataset = "dataset"
  package static let preprocessingKey = "preprocessing"
  package static let tool = "tool"

  /// Canonical JSON: sorted keys, shortest numbers.
  package static func text(_ preprocessing: Preprocessing) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(preprocessing), as: UTF8.self)
  }

  /// nil where there is none.
  package static func preprocessing(_ text: String?, of path: String) throws -> Preprocessing? {
    guard let text else { return nil }
    do {
      return try JSONDecoder().decode(Preprocessing.self, from: Data(text.utf8))
    } catch {
      throw CupelError("\(path): its metadata '\(preprocessingKey)' is not a preprocessing")
    }
  }
}
