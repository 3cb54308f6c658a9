import CupelAudit
import CupelSupport
import Foundation
import TestSupport
import Testing

@Suite("t-SNE") struct TSNETests {
  /// `count` points a cloud, whose centres are `distance` apart along their own axes.
  private func clouds(_ clouds: Int, of count: Int, distance: Float) -> [[Float]] {
    var generator = SeededGenerator(seed: 5)
    return (0..<clouds).flatMap { cloud in
      (0..<count).map { _ in
        (0..<6).map { generator.normal() + ($0 == cloud ? distance : 0) }
      }
    }
  }

  private struct Golden: Decodable {
    struct Case: Decodable {
      var perplexity: Double
      var features: [[Float]]
      var joint: [Double]
    }
    var cases: [Case]
  }

  @Test("neighbourhoods are scikit-learn's")
  func golden() throws {
    let url = Repository.file("Tests/AuditTests/Golden/tsne.json")
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    #expect(golden.cases.count == 2)
    for one in golden.cases {
      let embedding = TSNE(features: one.features, perplexity: one.perplexity, threads: 1)
      let count = one.features.count
      let upper = (0..<count).flatMap { row in
        (row + 1..<count).map { embedding.joint[row * count + $0] }
      }
      #expect(upper.count == one.joint.count)
      for (own, expected) in zip(upper, one.joint) {
        // Its calibration ends at an entropy within 1e-5.
        #expect(abs(own - expected) <= 1e-4 * expected + 1e-9, "\(own) \(expected)")
      }
    }
  }

  @Test("a point's neighbourhood has the perplexity", arguments: [2.0, 5, 12])
  func calibration(perplexity: Double) {
    for scale in [1e-6, 1, 1e9] {
      let distances = (0..<40).map { (index: Int) -> Double in
        index == 7 ? 0 : scale * Double(index * index % 37 + 1)
      }
      let shares = TSNE.neighbours(distances, of: 7, perplexity: perplexity)
      #expect(shares[7] == 0)
      #expect(abs(shares.reduce(0, +) - 1) < 1e-12)
      let entropy = -shares.reduce(0) { $0 + ($1 > 0 ? $1 * log($1) : 0) }
      #expect(abs(exp(entropy) - perplexity) < 1e-6)
    }
  }

  @Test("the joint probabilities are symmetric and add up to one")
  func joint() {
    let embedding = TSNE(features: clouds(2, of: 10, distance: 4), threads: 2)
    #expect(abs(embedding.joint.reduce(0, +) - 1) < 1e-12)
    for row in 0..<20 {
      #expect(embedding.joint[row * 21] == 0)
      for column in 0..<row {
        #expect(embedding.joint[row * 20 + column] == embedding.joint[column * 20 + row])
      }
    }
  }

  @Test("the gradient is the divergence's, by differences")
  func gradient() {
    let embedding = TSNE(features: clouds(3, of: 6, distance: 3), perplexity: 5, threads: 1)
    var generator = SeededGenerator(seed: 9)
    let points = (0..<18).map { _ in
      TSNE.Point(x: Double(generator.normal()), y: Double(generator.normal()))
    }
    let slope = embedding.gradient(points)
    let step = 1e-5
    for index in points.indices {
      for axis in [\TSNE.Point.x, \TSNE.Point.y] {
        var (up, down) = (points, points)
        up[index][keyPath: axis] += step
        down[index][keyPath: axis] -= step
        let difference = (embedding.divergence(up) - embedding.divergence(down)) / (2 * step)
        #expect(abs(slope[index][keyPath: axis] - difference) < 1e-8)
      }
    }
  }

  @Test("separate clouds stay separate: a point's nearest neighbours are its own cloud's")
  func separation() throws {
    let embedding = TSNE(features: clouds(3, of: 25, distance: 12), perplexity: 10, threads: 2)
    let points = try embedding.embed(seed: 3)
    for (index, point) in points.enumerated() {
      let others = points.indices.filter { $0 != index }.sorted {
        hypot(points[$0].x - point.x, points[$0].y - point.y)
          < hypot(points[$1].x - point.x, points[$1].y - point.y)
      }
      #expect(others.prefix(10).allSatisfy { $0 / 25 == index / 25 })
    }
    // And it is a descent: far better than where it began.
    let start = points.map { TSNE.Point(x: $0.x * 1e-6, y: $0.y * 1e-6) }
    #expect(embedding.divergence(points) < 0.3 * embedding.divergence(start))
  }

  @Test("the same at any number of threads, another under another seed")
  func determinism() throws {
    let features = clouds(2, of: 20, distance: 5)
    let one = try TSNE(features: features, threads: 1).embed(steps: 60, seed: 1)
    #expect(try TSNE(features: features, threads: 3).embed(steps: 60, seed: 1) == one)
    #expect(try TSNE(features: features, threads: 1).embed(steps: 60, seed: 2) != one)
  }

  @Test("few points, and points in one place")
  func degenerate() throws {
    #expect(try TSNE(features: [], threads: 1).embed(seed: 1).isEmpty)
    #expect(try TSNE(features: [[1, 2]], threads: 1).embed(seed: 1).count == 1)
    let same = try TSNE(features: [[Float]](repeating: [1, 2], count: 12), threads: 1).embed(
      seed: 1)
    #expect(same.allSatisfy { $0.x.isFinite && $0.y.isFinite })
    let far = try TSNE(features: [[0], [1e18], [-1e18], [3]], threads: 1).embed(seed: 1)
    #expect(far.allSatisfy { $0.x.isFinite && $0.y.isFinite })
  }
}
