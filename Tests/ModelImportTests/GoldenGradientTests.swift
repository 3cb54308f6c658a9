import CupelFloatGraph
import CupelModelImport
import Foundation
import TestSupport
import Testing

/// Whole networks' gradients against PyTorch's (`tools/golden/pytorch_gradients.py`, version
/// inside the file), BatchNormalization in inference and in training mode.
@Suite struct GoldenGradientTests {
  struct File: Decodable {
    let torch: String
    let cases: [Case]
  }

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let shape, labels: [Int]
    /// The images of the pattern from `first` on.
    let first, images: Int
    let training: Bool
    let momentum: Float
    let loss: Double
    let input: Digest
    let parameters, running: [String: [Digest]]

    var testDescription: String { "\(file), \(training ? "training" : "inference")" }
  }

  /// What is kept of an array: every `step`-th element, its norm and its sum.
  struct Digest: Decodable, Sendable {
    let count, step: Int
    let norm, sum: Double
    let samples: [Double]

    func agrees(_ values: [Float]) -> Bool {
      guard values.count == count else { return false }
      let doubles = values.map(Double.init)
      // The typical magnitude decides what a difference means: single elements may be near zero.
      let size = norm / Double(count).squareRoot()
      let found = doubles.map { $0 * $0 }.reduce(0, +).squareRoot()
      let sampled = zip(stride(from: 0, to: count, by: step), samples)
      // Some gradients are zero but for rounding, as before a normalization in training mode.
      let floor = 1e-6
      return abs(found - norm) <= 1e-4 * norm + floor
        && abs(doubles.reduce(0, +) - sum) <= 1e-4 * norm * Double(count).squareRoot() + floor
        && sampled.allSatisfy { abs(doubles[$0] - $1) <= 1e-3 * max(size, abs($1)) + floor }
    }
  }

  static func file() throws -> File {
    let data = try Data(contentsOf: Fixtures.golden.appendingPathComponent("gradients.json"))
    return try JSONDecoder().decode(File.self, from: data)
  }

  @Test(arguments: try file().cases)
  func gradientsArePyTorchs(_ test: Case) throws {
    let graph = try OnnxImporter.load(
      path: Repository.file(test.file).path)
    let pattern = Fixtures.pattern(test.first + test.images, test.shape)
    let images = Tensor(
      batch: test.images, shape: test.shape,
      values: Array(pattern.values.suffix(test.images * pattern.stride)))
    let differentiation = try Differentiation(
      graph: graph, mode: test.training ? .training : .inference, threads: 2)
    let tape = try differentiation.run(images)
    let (loss, seed) = try CrossEntropy.evaluate(tape.output, labels: test.labels)
    #expect(abs(loss - test.loss) < 1e-5 * test.loss)
    let gradient = try tape.gradient([graph.output: seed])

    let input = try #require(gradient.values[graph.input])
    let agrees = test.input.agrees(input.values)
    #expect(agrees)
    var checked = 0
    for (node, found) in zip(graph.nodes, gradient.parameters) {
      guard let found else { continue }
      let expected = try #require(test.parameters[node.name])
      try #require(found.arrays.count == expected.count)
      for (array, digest) in zip(found.arrays, expected) {
        let agrees = digest.agrees(array)
        #expect(agrees, "\(node.name)")
      }
      checked += 1
    }
    #expect(checked == test.parameters.count)
    try checkRunning(test, graph.tracking(tape.statistics, momentum: test.momentum))
  }

  private func checkRunning(_ test: Case, _ graph: FloatGraph) throws {
    for node in graph.nodes {
      guard let layer = node.operation.as(FloatGraph.BatchNormalization.self) else { continue }
      let expected = try #require(test.running[node.name])
      let agrees = (expected[0].agrees(layer.mean), expected[1].agrees(layer.variance))
      #expect(agrees == (true, true), "\(node.name)")
    }
  }
}
