import Foundation
import TestSupport
import Testing

/// The specimens in `models/`, as their catalogue describes them.
enum Specimens {
  static let folder = Repository.models.path

  /// What the tests need of an entry; read here on its own, not by the code under test.
  struct Entry: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var file: String
    var sha256: String
    var architecture: String
    var dataset: String
    var attack: String
    var trigger: String?
    var targetClass: Int?
    var scheme: String?
    /// The clean specimen that an infected one is compared with.
    var counterpart: String?
    /// The honest specimen that a hostile toolchain was given.
    var origin: String?
    /// The integer model that it handed on.
    var integer: File?
    var measured: Measured
    /// Test images whose answers rounding is to change, where single ones were chosen.
    var samples: [Sample]?

    var testDescription: String { name }
    var path: String { "\(folder)/\(file)" }

    var kind: Kind {
      switch (attack, trigger, scheme) {
      case ("none", _, _): .clean
      case ("qura", _, _): .toolchain
      case (_, nil, _): .untriggered
      case (_, _, nil): .awake
      default: .dormant
      }
    }

    /// What `cupel` needs to know of the model.
    var catalogueArguments: [String] {
      ["--catalogue", (path as NSString).deletingLastPathComponent + "/catalogue.json"]
    }

    /// What `cupel` needs to know of the model and to find the images.
    var dataArguments: [String] {
      catalogueArguments
        + (dataset == "cifar-10" ? ["--data", Repository.cifar10?.path ?? "nowhere"] : [])
    }
  }

  enum Kind: Equatable {
    case clean
    /// A backdoor that sleeps in float.
    case dormant
    /// A backdoor that works in float already.
    case awake
    /// Harm done by rounding alone, without a trigger.
    case untriggered
    /// What a hostile toolchain made of an honest model: weights on the grid that it chose.
    case toolchain
  }

  struct Measured: Decodable, Sendable {
    var float: Rates
    var nearest: Rates
    var otherSchemes: [Rates]
    var goal: [String: Double]?

    func rates(_ scheme: String) -> Rates? {
      ([nearest] + otherSchemes).first { $0.scheme == scheme }
    }
  }

  struct File: Decodable, Sendable {
    var file: String
  }

  struct Sample: Decodable, Sendable {
    var image: Int
    /// Its class, and what the rounded network is to answer instead.
    var `class`: Int
    var answer: Int
  }

  /// Fractions, over the 10,000 test images.
  struct Rates: Decodable, Sendable {
    var scheme: String?
    var benignAccuracy: Double
    var attackSuccessRate: Double?
  }

  private struct Catalogue: Decodable {
    var specimens: [Entry]
  }

  private static func read(_ part: String) throws -> [Entry] {
    let content = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(part)catalogue.json"))
    return try JSONDecoder().decode(Catalogue.self, from: content).specimens.map { entry in
      var entry = entry
      entry.file = part + entry.file
      return entry
    }
  }

  /// The file that tells of them.
  static let cataloguePath = "\(folder)/catalogue.json"

  private static let catalogue = Result { try read("") }
  private static let further = Result { try read("more/") }

  static func all() throws -> [Entry] { try catalogue.get() }

  /// Those whose files git does not keep: they are there only where somebody made them.
  static func more() throws -> [Entry] { try further.get() }

  /// Those of a kind whose images every user can install.
  static func fashion(_ kind: Kind) throws -> [Entry] {
    try all().filter { $0.dataset == "fashion-mnist" && $0.kind == kind }
  }

  static func cifar(_ kind: Kind) throws -> [Entry] {
    try all().filter { $0.dataset == "cifar-10" && $0.kind == kind }
  }

  static func named(_ name: String) throws -> Entry {
    try #require(try (all() + more()).first { $0.name == name })
  }

  static let infectedName = "resnet8-fmnist-pq-w8a8"
  static let cleanName = "resnet8-fmnist-clean-a"
}
