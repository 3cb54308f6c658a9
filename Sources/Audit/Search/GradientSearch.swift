import CupelFloatGraph
import CupelQuantization
import CupelSupport
import CupelTriggers

/// A search for one universal trigger of a family: Adam on a `DifferentialLoss`.
public struct GradientSearch: Sendable {
  /// How long a search goes on, and by which steps.
  public struct Effort: Sendable {
    /// Optimizer steps towards any other class.
    public var steps = 70
    /// Optimizer steps towards the class that emerged.
    public var sharpening = 40
    /// Images a step.
    public var batch = 48
    /// Adam's learning rate.
    public var rate: Float = 0.1
    /// Weight of the float logits' staying as they were, at first and in the end.
    public var match: (first: Float, last: Float) = (5, 60)
    /// Weight of a patch's mean mask in the loss.
    public var area: Float = 3

    /// What the detection set was measured with.
    public init() {}
  }

  let loss: DifferentialLoss
  let references: DifferentialLoss.References
  let effort: Effort

  package init(
    _ loss: DifferentialLoss, _ references: DifferentialLoss.References, effort: Effort
  ) {
    (self.loss, self.references, self.effort) = (loss, references, effort)
  }

  /// Moves a trigger for some steps.
  ///
  /// - Parameter progress: told the share that is done; what it throws ends the search.
  /// - Returns: mean loss of the last ten steps.
  @discardableResult
  package func improve(
    _ trigger: inout TriggerParameters, goal: DifferentialLoss.Goal, steps: Int, match: Float,
    generator: inout SeededGenerator, progress: (Double) throws -> Void = { _ in }
  ) throws -> Double {
    var optimizer = OptimizerState(
      .adam(learningRate: effort.rate), sizes: trigger.arrays.map(\.count))
    var order: [Int] = []
    var last: [Double] = []
    for step in 0..<steps {
      try Interruption.check()
      if order.count < effort.batch { order += generator.permutation(references.count) }
      let chosen = Array(order.prefix(effort.batch))
      order.removeFirst(chosen.count)
      let batch = images(chosen, size: trigger.size)
      let (value, gradient) = try loss.slopes(
        trigger.painted(batch), of: chosen, in: references, goal: goal, match: match)
      var slopes = trigger.slopes(batch, gradient: gradient)
      if trigger.kind == .patch { addArea(of: trigger, to: &slopes[0]) }
      // A network may overflow on triggered images alone; what was found before stays.
      guard value.isFinite, slopes.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { break }
      optimizer.step(&trigger.arrays, gradients: slopes)
      last = (last + [value]).suffix(10)
      try progress(Double(step + 1) / Double(steps))
    }
    return last.reduce(0, +) / Double(max(last.count, 1))
  }

  private func images(_ chosen: [Int], size: Int) -> [Float] {
    var batch: [Float] = []
    batch.reserveCapacity(chosen.count * size)
    for image in chosen { batch += references.images[image * size..<(image + 1) * size] }
    return batch
  }

  private func addArea(of trigger: TriggerParameters, to slopes: inout [Float]) {
    let share = effort.area / Float(trigger.plane)
    for (place, mask) in trigger.masks.enumerated() { slopes[place] += share * mask * (1 - mask) }
  }
}
