import CupelAudit

extension AttackMeasurement {
  /// Of `images`, none of the target class, so many answered rightly and so many hit. `from` is the
  /// first image that the trigger turns, so that two models' hits can be made to differ.
  static func counting(
    correct: Int? = nil, hits: Int, from first: Int = 0, of images: Int
  ) -> AttackMeasurement {
    AttackMeasurement(
      clean: (0..<images).map { $0 < correct ?? images ? 0 : 2 },
      triggered: (0..<images).map { (first..<first + hits).contains($0) ? 1 : 0 },
      labels: [Int32](repeating: 0, count: images), target: 1)
  }
}
