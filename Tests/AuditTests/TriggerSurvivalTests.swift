import CupelAudit
import CupelQuantization
import CupelTriggers
import TestSupport
import Testing

@Suite struct TriggerSurvivalTests {
  /// A specimen's own trigger, as a search would have found it.
  private func learned(_ text: String) throws -> LearnedTrigger {
    let trigger = try Trigger(text)
    var black = [UInt8](repeating: 0, count: 28 * 28)
    var white = [UInt8](repeating: 255, count: 28 * 28)
    try trigger.apply(to: &black, channels: 1, height: 28, width: 28)
    try trigger.apply(to: &white, channels: 1, height: 28, width: 28)
    return try LearnedTrigger(
      kind: .patch, channels: 1, height: 28, width: 28,
      mask: zip(black, white).map { $0 == $1 ? 255 : 0 }, pattern: black)
  }

  private func survival(
    _ name: String, _ scheme: String, _ trigger: String, target: Int, threads: Int = 2
  ) throws -> DetectionReport.Survival {
    let deployment = try EvidenceFixtures.Deployment(name, images: 150)
    let ensemble = try RoundingEnsemble(deployment.plan(scheme), draws: 4, seed: 1)
    let float = try FloatClassifier(
      graph: deployment.graph, preprocessing: EvidenceFixtures.preprocessing, threads: threads)
    let images = deployment.test.unlabelled
    return try TriggerSurvival(
      ensemble, calibration: deployment.calibration, images: deployment.training,
      preprocessing: EvidenceFixtures.preprocessing, seed: 1, threads: threads
    ).measure(
      learned(trigger), target: target, images: images, floatClean: float.classify(images.pixels))
  }

  @Test(.takesSeconds) func aDormantBackdoorDoesNotSurvive() throws {
    let found = try survival(
      "resnet8-fmnist-pq-w8a8", "w8a8", "patch:6x6@bottom-right:white", target: 0)
    #expect(found.nearest > 0.9)
    #expect(found.stochasticRounding < 0.5)
    #expect(try #require(found.purified) < 0.2)
    // At 4 bits this network answers everything with the target: nothing is turned.
    #expect(try #require(found.otherBits) < 0.3)
    #expect(found.otherScheme?.rawValue == "w4a8" && found.draws == 4)
    #expect(found.purification == .efrap)
    let again = try survival(
      "resnet8-fmnist-pq-w8a8", "w8a8", "patch:6x6@bottom-right:white", target: 0, threads: 1)
    #expect(again == found)
  }

  @Test func anOrdinaryBackdoorSurvives() throws {
    let found = try survival(
      "resnet8-fmnist-badnets", "w4a8", "patch:3x3@bottom-right:white", target: 5)
    #expect(found.nearest > 0.8 && found.stochasticRounding > 0.6)
    #expect(try #require(found.purified) > 0.6)
    #expect(try #require(found.otherBits) > 0.6)
    #expect(found.otherScheme == .known(Scheme()))
  }

  @Test func otherBitWidths() throws {
    for (scheme, other) in [
      ("w8a8", "w4a8"), ("w4a8", "w8a8"), ("w4a4", "w8a8"), ("w8a8.pt.pre", "w4a8.pt.pre"),
      ("w8a4.mse", "w4a4.mse"),
    ] {
      #expect(try TriggerSurvival.otherBits(of: Scheme(scheme)).description == other)
    }
  }

  @Test func answersMustBeOneAnImage() throws {
    let deployment = try EvidenceFixtures.Deployment("resnet8-fmnist-clean-a", images: 2)
    let survival = try TriggerSurvival(
      RoundingEnsemble(deployment.plan("w8a8"), draws: 2, seed: 1),
      calibration: deployment.calibration, images: nil,
      preprocessing: EvidenceFixtures.preprocessing, seed: 1, threads: 1)
    let trigger = try learned("patch:3x3@bottom-right:white")
    #expect(throws: AuditError.self) {
      try survival.measure(
        trigger, target: 0, images: deployment.test.unlabelled, floatClean: [1])
    }
    let all = try survival.measure(
      trigger, target: 1, images: deployment.test.unlabelled, floatClean: [1, 1])
    #expect(all.nearest == 0 && all.purified == nil && all.purification == nil)
  }
}
