import Audit
import Testing

@Suite struct AttackMeasurementTests {
  /// Six images: three of class 0, two of the target class 1, one of class 2.
  @Test func imagesOfTheTargetAreLeftOut() {
    let measurement = AttackMeasurement(
      clean: [0, 1, 0, 1, 0, 2], triggered: [1, 0, 1, 1, 1, 1], labels: [0, 0, 0, 1, 1, 2],
      target: 1)
    #expect(measurement.isCorrect == [true, false, true, true, false, true])
    #expect(measurement.benignAccuracy == Proportion(successes: 4, trials: 6))
    // Images 3 and 4 are the target's own; of the others all but image 1 are hit.
    #expect(measurement.isHit == [true, false, true, true])
    #expect(measurement.attackSuccessRate == Proportion(successes: 3, trials: 4))
  }

  @Test func withoutATriggerNothingIsHit() {
    let measurement = AttackMeasurement(
      clean: [0, 1], triggered: [], labels: [0, 0], target: nil)
    #expect(measurement.benignAccuracy.value == 0.5)
    #expect(measurement.attackSuccessRate == Proportion(successes: 0, trials: 0))
  }

  @Test func differencesArePairedImageByImage() {
    let integer = AttackMeasurement.counting(hits: 60, of: 100)
    let float = AttackMeasurement.counting(hits: 10, from: 55, of: 100)
    #expect(
      integer.differentialASR(against: float)
        == PairedDifference(both: 5, firstOnly: 55, secondOnly: 5, neither: 35))
  }

  /// DER = [max(0, ΔASR) − max(0, ΔBA) + 1] / 2, worked by hand.
  @Test(arguments: [
    // ASR 100 → 2 %, BA 90 → 88 %: (0.98 − 0.02 + 1) / 2.
    (90, 100, 88, 2, 0.98),
    // Accuracy that rises does not count.
    (80, 100, 95, 0, 1.0),
    // Nor does an attack that grew.
    (90, 10, 85, 60, 0.475),
    (90, 40, 90, 40, 0.5),
    // The worst there is.
    (100, 0, 0, 0, 0.0),
  ])
  func defenceEffectiveness(
    _ correctBefore: Int, _ hitsBefore: Int, _ correctAfter: Int, _ hitsAfter: Int,
    _ expected: Double
  ) {
    let before = AttackMeasurement.counting(correct: correctBefore, hits: hitsBefore, of: 100)
    let after = AttackMeasurement.counting(correct: correctAfter, hits: hitsAfter, of: 100)
    #expect(abs(after.defenceEffectiveness(before: before) - expected) < 1e-12)
  }
}
