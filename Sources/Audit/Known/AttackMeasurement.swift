/// One model's answers on a test set, without and with a trigger.
public struct AttackMeasurement: Sendable, Equatable {
  /// Whether the answer on the clean image is its true class, one an image.
  public let isCorrect: [Bool]
  /// Whether the answer on the triggered image is the target, one an image whose true class is
  /// not the target.
  public let isHit: [Bool]

  /// - Parameters:
  ///   - clean: class answered on each image.
  ///   - triggered: class answered on each image with the trigger; empty where none was tried.
  ///   - labels: true classes.
  ///   - target: the attacker's class.
  public init(clean: [Int], triggered: [Int], labels: [Int32], target: Int?) {
    isCorrect = zip(clean, labels).map { $0 == Int($1) }
    isHit = zip(triggered, labels).compactMap { answer, label in
      Int(label) == target ? nil : answer == target
    }
  }

  /// BA: accuracy on clean images.
  public var benignAccuracy: Proportion {
    Proportion(successes: isCorrect.count { $0 }, trials: isCorrect.count)
  }

  /// Accuracy on the images of each class; nil for a class that there is no image of.
  ///
  /// - Parameters:
  ///   - labels: true classes, one an image.
  ///   - classCount: how many classes the model answers.
  public func classAccuracies(_ labels: [Int32], classCount: Int) -> [Double?] {
    var tallies = Array(repeating: (right: 0, all: 0), count: classCount)
    for (label, right) in zip(labels, isCorrect) where label < classCount {
      tallies[Int(label)].all += 1
      tallies[Int(label)].right += right ? 1 : 0
    }
    return tallies.map { $0.all == 0 ? nil : Double($0.right) / Double($0.all) }
  }

  /// Share of some images that `float` is right about and this model is not; nil for no images.
  ///
  /// - Parameters:
  ///   - images: places in the test set; those outside of it do not count.
  ///   - float: what the float model answered to the same test set.
  public func shareLost(of images: [Int], float: AttackMeasurement) -> Double? {
    let known = images.filter(isCorrect.indices.contains)
    guard !known.isEmpty else { return nil }
    let lost = known.count { float.isCorrect[$0] && !isCorrect[$0] }
    return Double(lost) / Double(known.count)
  }

  /// ASR: share of triggered images answered as the target, true target class left out.
  public var attackSuccessRate: Proportion {
    Proportion(successes: isHit.count { $0 }, trials: isHit.count)
  }

  /// ASR of this model minus ASR of `reference` on the same images.
  public func differentialASR(against reference: AttackMeasurement) -> PairedDifference {
    PairedDifference(isHit, reference.isHit)
  }

  /// Defence effectiveness rating of going from `before` to this model:
  /// [max(0, ΔASR) − max(0, ΔBA) + 1] / 2 with Δ = before − after, in fractions.
  public func defenceEffectiveness(before: AttackMeasurement) -> Double {
    let attack = before.attackSuccessRate.value - attackSuccessRate.value
    let accuracy = before.benignAccuracy.value - benignAccuracy.value
    return (max(0, attack) - max(0, accuracy) + 1) / 2
  }

  /// How far this model's DER stays behind (1 + ASR of nearest rounding)/2, the most that any defence
  /// can reach. What cannot be asked of a defence that only rounds is not counted: success that the
  /// float model shows as well, and accuracy that nearest rounding or the float model lacks.
  public func shortfall(nearest: AttackMeasurement, float: AttackMeasurement) -> Double {
    let left = max(0, attackSuccessRate.value - float.attackSuccessRate.value)
    let lowest = min(nearest.benignAccuracy.value, float.benignAccuracy.value)
    let lost = max(0, lowest - benignAccuracy.value)
    let success = nearest.attackSuccessRate.value
    return ((1 + success) - (max(0, success - left) - lost + 1)) / 2
  }
}
