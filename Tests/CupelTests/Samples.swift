import Cupel
import Foundation

/// Specimens of this repository, and images of Fashion-MNIST for them.
enum Samples {
  /// Sleeps in float and wakes under w8a8: a white patch brings about class 0.
  static func infected() throws -> FloatModel { try model("resnet8-fmnist-pq-w8a8") }
  static func clean() throws -> FloatModel { try model("resnet8-fmnist-clean-a") }

  private static func model(_ name: String) throws -> FloatModel {
    let repository = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let models = repository.appendingPathComponent("models").path
    return try FloatModel(
      path: "\(models)/\(name).onnx", catalogue: Catalogue(path: "\(models)/catalogue.json"))
  }

  private static let images = Result {
    try ImageSet.load(path: "/usr/share/datasets/fashion-mnist", split: .test, limit: 600)
  }

  /// 300 images to measure on.
  static func test() throws -> ImageSet { try images.get()[0..<300] }

  /// 300 others, to calibrate and search on.
  static func training() throws -> UnlabelledImages { try images.get()[300..<600].unlabelled }
}

/// A folder of a test's own, gone with it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/cupel-library-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Names of all that lies in it, hidden files too.
  func contents() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: path) }
}
