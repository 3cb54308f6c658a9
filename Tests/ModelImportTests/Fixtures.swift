import CupelFloatGraph
import Foundation
import TestSupport
import Testing

/// Files beside these tests, and how their images are made.
enum Fixtures {
  static let golden = Repository.golden("ModelImportTests")

  struct Networks: Decodable {
    let models: [Network]
  }

  struct Network: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let shape: [Int]
    let images: Int
    let logits: [[Float]]

    var testDescription: String { file }
  }

  static func networks(in folder: URL) throws -> Networks {
    let data = try Data(contentsOf: folder.appendingPathComponent("networks.json"))
    return try JSONDecoder().decode(Networks.self, from: data)
  }

  /// As `pattern` in tools/golden/exporting.py.
  static func pattern(_ count: Int, _ shape: [Int]) -> Tensor {
    let size = count * shape.reduce(1, *)
    let values = (0..<size).map { Float(Double($0 * 7919 % 1009) / 504.5 - 1) }
    return Tensor(batch: count, shape: shape, values: values)
  }

  static func bytes(_ file: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: golden.appendingPathComponent(file)))
  }
}
