import CupelDatasets
import CupelTriggers

/// The audit with a known trigger: the float model and every integer deployment answer the whole
/// test set, clean and triggered.
public struct KnownTriggerAudit: Sendable {
  /// The test set.
  public let images: ImageSet
  /// Put on every image.
  public let trigger: Trigger
  /// The attacker's class.
  public let target: Int

  /// - Parameters:
  ///   - images: the test set.
  ///   - trigger: what is put on every image.
  ///   - target: the attacker's class, from 0.
  public init(images: ImageSet, trigger: Trigger, target: Int) {
    self.images = images
    self.trigger = trigger
    self.target = target
  }

  /// One model's measurement.
  ///
  /// - Parameters:
  ///   - classifier: the model.
  ///   - progress: told the share of both passes that is done; what it throws ends the work.
  /// - Throws: `AuditError`, `TriggerError`, or what the classifier throws.
  public func measure(
    _ classifier: some Classifier, progress: (Double) throws -> Void = { _ in }
  ) throws -> AttackMeasurement {
    guard (0..<classifier.classCount).contains(target) else {
      throw AuditError.target(target, classes: classifier.classCount)
    }
    let clean = try classifier.answers(to: images, trigger: nil) { try progress($0 / 2) }
    let triggered = try classifier.answers(to: images, trigger: trigger) {
      try progress(0.5 + $0 / 2)
    }
    let measurement = AttackMeasurement(
      clean: clean, triggered: triggered, labels: images.labels, target: target)
    guard !measurement.isHit.isEmpty else {
      throw AuditError.data(
        rule: "no image has a true class other than the target; nothing to measure")
    }
    return measurement
  }
}
