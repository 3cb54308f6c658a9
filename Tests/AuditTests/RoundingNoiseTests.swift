import CupelAudit
import CupelFloatGraph
import CupelQuantization
import CupelSupport
import Foundation
import TestSupport
import Testing

@Suite struct RoundingNoiseTests {
  /// Two images of two classes; nearest rounding moves one logit of each.
  @Test func byHand() throws {
    let noise = try RoundingNoise(
      float: [1, -1, -2, 2], nearest: [3, -1, 0, 2],
      noise: [[2, -1, -2, 2], [1, -1, -2, 4]], images: 2)
    // Centred, the float logits are ±1 and ±2 (mean square 2.5), the differences ±1 (1).
    #expect(abs(noise.nearest - 1 / 2.5) < 1e-9)
    // ¼ over two of four, and 1 over two of four: the root of ⅛ · ½.
    #expect(abs(noise.noise - (0.125 * 0.5).squareRoot() / 2.5) < 1e-9)
    #expect(abs(noise.ratio - 4) < 1e-9)
    // Logarithms −ln 8 and −ln 2 about the middle, their deviation times the root of 1½.
    let spread = (log(0.5) - log(0.125)) / 2.0.squareRoot()
    #expect(abs(noise.score - (0 - log(0.25)) / (spread * 1.5.squareRoot())) < 1e-9)
    // Means of (1, −1) against (¼, −¼) and (−½, ½).
    #expect(abs(noise.shift - (1 / 2.5).squareRoot()) < 1e-9)
    #expect(abs(noise.noiseShift - (0.125 / 2.5).squareRoot()) < 1e-9)
    #expect(noise.pushedClass == 0 && noise.images == 2 && noise.draws == 2)
    // A push of 1 against ¼ and −½: their mean is −⅛, their deviation ¾ over the root of 2.
    let deviation = 0.75 / 2.0.squareRoot()
    #expect(abs(noise.pushScore - 1.125 / (deviation * 1.5.squareRoot())) < 1e-9)
  }

  /// A linear network's noise has a known size: Σ ε² x², ε² = s²/12, for the weights that are free.
  @Test func noiseHasTheSizeOfTheory() throws {
    var generator = SeededGenerator(seed: 9)
    let weights = (0..<10).map { _ in (0..<64).map { _ in generator.normal() } }
    let plan = try EvidenceFixtures.plan(EvidenceFixtures.network(weights), Scheme("w8a8"))
    let images = Tensor(
      batch: 64, shape: [64], values: (0..<64 * 64).map { _ in generator.normal() })
    let noise = try RoundingNoise(plan, images: images, draws: 40, seed: 1, threads: 2)
    var (moved, power) = (0.0, 0.0)
    for image in 0..<64 {
      let x = images.values[image * 64..<(image + 1) * 64].map(Double.init)
      let logits = weights.map { row in zip(row, x).reduce(0) { $0 + Double($1.0) * $1.1 } }
      let mean = logits.reduce(0, +) / 10
      power += logits.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      for (row, scale) in zip(weights, plan.layers[0].scales) {
        let top = row.map(abs).max()
        let square = zip(row, x).reduce(0) { $0 + (abs($1.0) == top ? 0 : $1.1 * $1.1) }
        moved += 0.9 * Double(scale * scale) / 12 * square
      }
    }
    #expect(abs(noise.noise / (moved / power) - 1) < 0.1)
    // Its own errors are as good as noise, and the number of threads does not matter.
    #expect(abs(noise.score) < 4)
    #expect(
      try noise == RoundingNoise(plan, images: images, draws: 40, seed: 1, threads: 1))
    #expect(
      try noise != RoundingNoise(plan, images: images, draws: 40, seed: 2, threads: 1))
  }

  /// Errors that all push one class up move it further than noise does.
  @Test func errorsThatComputeSomethingShow() throws {
    var generator = SeededGenerator(seed: 3)
    let rows = (0..<4).map { row in
      (0..<100).map { _ -> Float in
        let place = 2 * generator.normal()
        // Class 2 is rounded up throughout.
        return row == 2 ? place.rounded() - 0.3 : place
      } + [7]
    }
    let plan = try EvidenceFixtures.plan(EvidenceFixtures.network(rows), Scheme("w4a8"))
    let images = Tensor(
      batch: 32, shape: [101], values: (0..<32 * 101).map { _ in generator.unit() })
    let noise = try RoundingNoise(plan, images: images, seed: 1, threads: 1)
    #expect(noise.ratio > 5 && noise.score > 3)
    #expect(noise.pushedClass == 2 && noise.shiftScore > 3)
  }

  @Test func weightsOnTheGridHaveNoErrors() throws {
    let rows: [[Float]] = [[7, 1, 2, -3, 0], [1, 7, -2, 4, 0]]
    let plan = try EvidenceFixtures.plan(EvidenceFixtures.network(rows), Scheme("w4a8"))
    let images = Tensor(batch: 3, shape: [5], values: (0..<15).map { Float($0) / 15 })
    let noise = try RoundingNoise(plan, images: images, draws: 4, seed: 1, threads: 1)
    #expect(noise.nearest < 1e-9 && noise.noise > 1e-4 && noise.ratio < 1e-4)
    #expect(noise.score.isFinite && noise.shiftScore.isFinite)
  }

  @Test func numbersThatDoNotFitAreRefused() throws {
    #expect(throws: AuditError.self) {
      try RoundingNoise(float: [1, 2], nearest: [1], noise: [[1, 2], [1, 2]], images: 1)
    }
    #expect(throws: AuditError.self) {
      try RoundingNoise(float: [1, 2], nearest: [1, 2], noise: [[1, 2]], images: 1)
    }
    #expect(throws: AuditError.self) {
      try RoundingNoise(
        float: [1, .infinity], nearest: [1, 2], noise: [[1, 2], [1, 2]], images: 1)
    }
    #expect(throws: AuditError.self) {
      try RoundingNoise(float: [], nearest: [], noise: [[], []], images: 0)
    }
    let plan = try EvidenceFixtures.plan(
      EvidenceFixtures.network([[1, 2], [2, 1]]), Scheme("w4a8"))
    #expect(throws: AuditError.self) {
      try RoundingNoise(plan, images: Tensor(batch: 0, shape: [2]), seed: 1, threads: 1)
    }
  }

  /// No trigger, 96 clean images: attacks that the weights alone do not show, and honest models.
  @Test(.takesSeconds) func specimens() throws {
    func noise(_ name: String, _ scheme: String) throws -> RoundingNoise {
      let deployment = try EvidenceFixtures.Deployment("resnet8-fmnist-\(name)", images: 96)
      return try RoundingNoise(
        deployment.plan(scheme), images: EvidenceFixtures.tensor(deployment.test.unlabelled),
        draws: 12, seed: 1, threads: 2)
    }
    for (name, scheme, target) in [
      ("pq-w8a8", "w8a8", 0), ("pq-w4a4", "w4a4", 3), ("quanti-w4a4", "w4a4", 8),
      ("compartifact-w4a4", "w4a4", 7), ("compartifact-w8a8", "w8a8", 2),
      ("quanti-indiscriminate-w4a8", "w4a8", nil),
    ] as [(String, String, Int?)] {
      let found = try noise(name, scheme)
      #expect(found.ratio > 2, "\(name)")
      #expect(target == nil || found.pushedClass == target, "\(name)")
    }
    for (name, scheme) in [
      ("clean-a", "w8a8"), ("clean-a", "w4a8"), ("clean-wide-a", "w8a8"),
      ("clean-wide-b", "w8a8"), ("clean-qat", "w4a8"), ("badnets", "w4a8"),
    ] {
      let found = try noise(name, scheme)
      #expect(found.ratio < 2 && found.score < 3, "\(name)")
    }
  }
}
