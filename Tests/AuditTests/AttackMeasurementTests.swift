import CupelAudit
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

  /// Of class 0 two in three are right, of class 1 one in two, of class 2 none of none, of class 3 one.
  @Test func accuracyClassByClass() {
    let labels: [Int32] = [0, 1, 0, 3, 1, 0]
    let measurement = AttackMeasurement(
      clean: [0, 1, 2, 3, 0, 0], triggered: [], labels: labels, target: nil)
    #expect(measurement.classAccuracies(labels, classCount: 4) == [2.0 / 3, 0.5, nil, 1])
    // A class that the network does not have is nobody's.
    #expect(measurement.classAccuracies(labels, classCount: 2) == [2.0 / 3, 0.5])
  }

  /// Of images 1, 2, 3 and 4 the float model is wrong about 2, and the integer model about 1 and 2; image 9
  /// is not there.
  @Test func shareLostOfSomeImages() {
    let labels: [Int32] = [0, 1, 0, 1, 0]
    let float = AttackMeasurement(
      clean: [1, 1, 1, 1, 0], triggered: [], labels: labels, target: nil)
    let integer = AttackMeasurement(
      clean: [1, 0, 1, 1, 0], triggered: [], labels: labels, target: nil)
    #expect(integer.shareLost(of: [1, 2, 3, 4, 9, -1], float: float) == 0.25)
    #expect(float.shareLost(of: [1, 2], float: float) == 0)
    #expect(integer.shareLost(of: [5], float: float) == nil)
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

  /// Shortfall from (1 + ASR of nearest)/2, worked by hand. Nearest: BA 88, ASR 100; float: BA 90,
  /// ASR 3 %.
  @Test(arguments: [
    // As good as rounding can be: success as in float, accuracy of nearest rounding.
    (88, 3, 0.0),
    // Better than asked for does not count.
    (93, 0, 0.0),
    // Five points of success above float's, one of accuracy below nearest's.
    (87, 8, 0.03),
    // Nothing removed.
    (88, 100, 0.485),
  ])
  func shortfall(_ correct: Int, _ hits: Int, _ expected: Double) {
    let nearest = AttackMeasurement.counting(correct: 88, hits: 100, of: 100)
    let float = AttackMeasurement.counting(correct: 90, hits: 3, of: 100)
    let after = AttackMeasurement.counting(correct: correct, hits: hits, of: 100)
    #expect(abs(after.shortfall(nearest: nearest, float: float) - expected) < 1e-12)
  }

  /// Where the attack is half asleep there is less to win: DER ends at (1 + ASR)/2.
  @Test func shortfallIsCountedFromTheMostThatCanBeReached() {
    let nearest = AttackMeasurement.counting(correct: 95, hits: 40, of: 100)
    let float = AttackMeasurement.counting(correct: 90, hits: 0, of: 100)
    let after = AttackMeasurement.counting(correct: 90, hits: 0, of: 100)
    #expect(abs(after.shortfall(nearest: nearest, float: float)) < 1e-12)
    // The same result's DER loses what the float model's accuracy lacks.
    #expect(abs(after.defenceEffectiveness(before: nearest) - 0.675) < 1e-12)
  }
}
