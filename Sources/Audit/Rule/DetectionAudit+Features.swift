// What the decision rule reads of an examination. The rule that turns it into a verdict may change without
// anything being measured anew.

extension DetectionAudit {
  /// Whether a deployment answers like the model it was made from at all. One that rounding has broken
  /// answers nearly everything with one class: nobody ships it, and a trigger means nothing in it.
  public func isUsable(_ examination: Examination) -> Bool {
    agreement(examination) >= 0.5
  }

  /// What the decision rule reads; nil where rounding has broken the model or nothing was searched.
  func features(_ examination: Examination) -> DecisionRule.Features? {
    guard isUsable(examination), let strongest = examination.strongest else { return nil }
    return rule.features(
      differentialASR: strongest.differentialASR, accuracyDrop: lost(examination).all,
      noiseRatio: examination.noise?.ratio, borderExcess: examination.weights?.whole.borderExcess)
  }

  /// That this deployment carries a dormant backdoor; nil where there is nothing to judge by.
  public func probability(_ examination: Examination) -> Double? {
    features(examination).map(rule.probability)
  }

  /// What rounding costs: accuracy in points / 100, over all held-out images and of the class that loses
  /// most.
  public func lost(_ examination: Examination) -> (all: Double, oneClass: Double) {
    let (float, integer) = (accuracy(floatClean), accuracy(examination.clean))
    let losses = zip(float.classes, integer.classes).map { $0.value - $1.value }
    return (float.all.value - integer.all.value, losses.max() ?? 0)
  }

  /// BA over all held-out images, and over those of each class.
  func accuracy(_ answers: [Int]) -> (all: Proportion, classes: [Proportion]) {
    let labels = heldOut.labels
    var tallies = [(right: Int, all: Int)](repeating: (0, 0), count: float.classCount)
    for (answer, label) in zip(answers, labels) {
      tallies[Int(label)].all += 1
      tallies[Int(label)].right += answer == Int(label) ? 1 : 0
    }
    let right = tallies.reduce(0) { $0 + $1.right }
    return (
      Proportion(successes: right, trials: answers.count),
      tallies.map { Proportion(successes: $0.right, trials: $0.all) }
    )
  }
}
