import Foundation

/// Where files stand that tests read.
package enum Repository {
  package static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The specimens.
  package static let models = root.appendingPathComponent("models")

  /// Debian's package of Fashion-MNIST.
  package static let fashionMNIST = "/usr/share/datasets/fashion-mnist"

  /// CIFAR-10's binary files, and MLPerf Tiny's models: only where somebody put them.
  package static let cifar10 = shared("cifar10", holding: "test_batch.bin")
  package static let mlperfTiny = shared("mlperf-tiny")

  package static func file(_ path: String) -> URL { root.appendingPathComponent(path) }

  package static func text(_ path: String) throws -> String {
    try String(contentsOf: file(path), encoding: .utf8)
  }

  /// The recorded values of a test target.
  package static func golden(_ target: String) -> URL { file("Tests/\(target)/Golden") }

  private static func shared(_ name: String, holding file: String = "") -> URL? {
    let folder = Settings.data.appendingPathComponent(name)
    let isThere = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent(file).path)
    return isThere ? folder : nil
  }
}
