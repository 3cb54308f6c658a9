import Foundation
import Testing

/// The specimens in `models/`, as their catalogue describes them.
enum Specimens {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("models").path

  /// What the tests need of an entry; read here on its own, not by the code under test.
  struct Entry: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var file: String
    var sha256: String
    var trigger: String?
    var targetClass: Int?
    var scheme: String?
    var measured: Measured

    var testDescription: String { name }
    var path: String { "\(folder)/\(file)" }
  }

  struct Measured: Decodable, Sendable {
    var float: Rates
    var nearest: Rates
  }

  /// Fractions, over the 10,000 test images.
  struct Rates: Decodable, Sendable {
    var benignAccuracy: Double
    var attackSuccessRate: Double?
  }

  private struct Catalogue: Decodable {
    var specimens: [Entry]
  }

  private static let catalogue = Result {
    try JSONDecoder().decode(
      Catalogue.self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/catalogue.json"))
    ).specimens
  }

  static func all() throws -> [Entry] { try catalogue.get() }
  static func infected() throws -> [Entry] { try all().filter { $0.trigger != nil } }
  static func clean() throws -> [Entry] { try all().filter { $0.trigger == nil } }

  static func named(_ name: String) throws -> Entry {
    try #require(try all().first { $0.name == name })
  }

  static let infectedName = "resnet8-fmnist-pq-w8a8"
  static let cleanName = "resnet8-fmnist-clean-a"
}
