/// What a trigger does to an integer model and not to the float model that it was made from.
///
/// For a class k: among the images whose untriggered float answer is not k, the share whose triggered
/// float answer is unchanged and whose triggered integer answer is k, minus the share whose integer
/// answer is k without the trigger. No true class is needed.
public struct DifferentialMeasurement: Sendable, Equatable {
  /// Classes that both models answer.
  public let classCount: Int
  /// Answers on the same images, one each.
  package let floatClean: [Int]
  package let floatTriggered: [Int]
  package let integerClean: [Int]
  package let integerTriggered: [Int]

  /// - Parameters: the answers, each in 0..<classCount, one an image in the same order.
  public init(
    classCount: Int, floatClean: [Int], floatTriggered: [Int], integerClean: [Int],
    integerTriggered: [Int]
  ) {
    self.classCount = classCount
    self.floatClean = floatClean
    self.floatTriggered = floatTriggered
    self.integerClean = integerClean
    self.integerTriggered = integerTriggered
  }

  /// The images that count for class `target`.
  private func counted(_ target: Int) -> [Int] {
    floatClean.indices.filter { floatClean[$0] != target }
  }

  /// Differential ASR for class `target` with its 95 % interval.
  public func differentialASR(_ target: Int) -> PairedDifference {
    let images = counted(target)
    return PairedDifference(
      images.map { floatTriggered[$0] == floatClean[$0] && integerTriggered[$0] == target },
      images.map { integerClean[$0] == target })
  }

  /// Share of the images that the float model answers with `target` once they carry the trigger.
  public func floatASR(_ target: Int) -> Proportion { share(floatTriggered, target) }

  /// Share of the images that the integer model answers with `target` once they carry the trigger.
  public func integerASR(_ target: Int) -> Proportion { share(integerTriggered, target) }

  private func share(_ answers: [Int], _ target: Int) -> Proportion {
    let images = counted(target)
    return Proportion(successes: images.count { answers[$0] == target }, trials: images.count)
  }

  /// The class whose differential ASR is largest; the lowest of equals.
  public var target: Int {
    (0..<classCount).max {
      (differentialASR($0).value, -$0) < (differentialASR($1).value, -$1)
    } ?? 0
  }
}
