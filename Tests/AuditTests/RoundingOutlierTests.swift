import CupelAudit
import CupelSupport
import TestSupport
import Testing

@Suite struct RoundingOutlierTests {
  /// Three images of two classes, two draws.
  @Test func byHand() throws {
    let outlier = try RoundingOutlier(
      float: [2, 0, 0, 2, 1, 3], nearest: [0, 2, 0, 2, 1, 3],
      draws: [[2, 0, 0, 2, 2, 2], [3, 0, 0, 2, 1, 3]], references: [0, 1, 1], classCount: 2)
    // Less their means, the float logits are ±1 throughout.
    #expect(outlier.images == 3)
    #expect(abs(outlier.nearestDeviation - 2 * 4 / 6) < 1e-6)
    #expect(abs(outlier.ensembleDeviations[0] - 2 * 1 / 6) < 1e-6)
    #expect(abs(outlier.ensembleDeviations[1] - 2 * 0.25 / 6) < 1e-6)
    #expect(outlier.accuracy.nearest == 2.0 / 3)
    // Of equals the lowest class is the answer: the first draw misses the last image.
    #expect(abs(outlier.accuracy.ensemble - 5.0 / 6) < 1e-12)
    #expect(outlier.classes.map(\.images) == [1, 2])
    #expect(outlier.classes.map(\.nearest) == [0, 1])
    #expect(outlier.classes.map(\.ensemble) == [1, 0.75])
    #expect(outlier.classes[0].drop == 1 && outlier.classes[1].drop == -0.25)
    #expect(outlier.classes[0].score > 0 && outlier.classes[1].score < 0)
  }

  /// A score is that of one more draw: nearest drawn as the others gives about a standard normal
  /// number (with six draws, Student's distribution with five degrees of freedom: variance 5/3).
  @Test func oneMoreDrawIsNoOutlier() throws {
    var generator = SeededGenerator(seed: 4)
    let float = (0..<400).map { _ in generator.normal() }
    let references = (0..<100).map { $0 % 4 }
    var (sum, squares) = (0.0, 0.0)
    let trials = 300
    for _ in 0..<trials {
      func draw() -> [Float] {
        let size = 0.2 + 0.1 * generator.unit()
        return float.map { $0 + size * generator.normal() }
      }
      let nearest = draw()
      let outlier = try RoundingOutlier(
        float: float, nearest: nearest, draws: (0..<6).map { _ in draw() },
        references: references, classCount: 4)
      sum += outlier.deviationScore
      squares += outlier.deviationScore * outlier.deviationScore
    }
    #expect(abs(sum / Double(trials)) < 0.25)
    #expect((1...2.4).contains(squares / Double(trials)))
  }

  @Test func numbersThatDoNotFitAreRefused() {
    func make(
      float: [Float] = [1, 2], draws: [[Float]] = [[1, 2], [1, 2]], references: [Int] = [0],
      classCount: Int = 2
    ) throws {
      _ = try RoundingOutlier(
        float: float, nearest: [1, 2], draws: draws, references: references,
        classCount: classCount)
    }
    #expect(throws: Never.self) { try make() }
    #expect(throws: AuditError.self) { try make(draws: [[1, 2]]) }
    #expect(throws: AuditError.self) { try make(draws: [[1, 2], [1]]) }
    #expect(throws: AuditError.self) { try make(float: [1, .nan]) }
    #expect(throws: AuditError.self) { try make(references: [2]) }
    #expect(throws: AuditError.self) { try make(references: []) }
    #expect(throws: AuditError.self) { try make(classCount: 0) }
  }

  /// Attacks on accuracy against an honest model.
  @Test(.takesSeconds) func attacksOnAccuracyStandOut() throws {
    func outlier(_ name: String, threads: Int = 2) throws -> RoundingOutlier {
      let deployment = try EvidenceFixtures.Deployment(name, images: 200)
      return try RoundingEnsemble(deployment.plan("w4a8"), draws: 6, seed: 1).outlier(
        deployment.test.unlabelled.pixels, references: deployment.test.labels.map(Int.init),
        preprocessing: EvidenceFixtures.preprocessing, threads: threads)
    }
    let clean = try outlier("resnet8-fmnist-clean-b")
    #expect(clean.deviationScore < 1 && clean.accuracy.drop < 0.02)
    #expect(clean.classes.allSatisfy { $0.score < 3 })
    let all = try outlier("resnet8-fmnist-quanti-indiscriminate-w4a8")
    #expect(all.accuracy.nearest < 0.1 && all.accuracy.score > 4 && all.deviationScore > 3)
    let one = try outlier("resnet8-fmnist-quanti-class-w4a8")
    let worst = one.classes.indices.max { one.classes[$0].drop < one.classes[$1].drop }
    #expect(worst == 7)
    #expect(one.classes[7].nearest < 0.1 && one.classes[7].score > 3)
    #expect(try outlier("resnet8-fmnist-quanti-class-w4a8", threads: 1) == one)
  }
}
