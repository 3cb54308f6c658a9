import CupelFloatGraph
import CupelQuantization
import Foundation

/// How far the quantized network's answers lie from the float network's, on images whose labels
/// nobody needs.
public struct Drift: Sendable, Equatable {
  /// Mean Kullback–Leibler divergence of the quantized network's class probabilities from the float
  /// network's, in nats.
  public var divergence: Double
  /// Share of images on which both answer the same class.
  public var agreement: Double

  /// - Parameters: logits of the same images, [N, classes].
  package init(float: Tensor, quantized: Tensor) {
    let classes = float.stride
    var sum = 0.0
    for image in 0..<float.batch {
      let range = image * classes..<(image + 1) * classes
      let p = Self.logProbabilities(float.values[range])
      let q = Self.logProbabilities(quantized.values[range])
      for index in 0..<classes { sum += exp(p[index]) * (p[index] - q[index]) }
    }
    let same = zip(float.answers, quantized.answers).count { $0 == $1 }
    divergence = sum / Double(max(float.batch, 1))
    agreement = Double(same) / Double(max(float.batch, 1))
  }

  /// Of a quantized network from its float one, with rounding as the plan's simulation does it.
  ///
  /// - Parameter float: what the float network answers, where that is known already.
  package init(
    of rounded: RoundedPlan, images: Tensor, float: Tensor? = nil, threads: Int
  ) throws {
    let evaluator = UnitEvaluator(rounded.plan.fused, threads: threads)
    let float =
      try float ?? evaluator.walk(images) { try evaluator.evaluate($0, inputs: $1) }
    let quantized = try evaluator.walk(rounded.plan.onInputGrid(images)) {
      try rounded.simulate($0, inputs: $1, with: evaluator)
    }
    self.init(float: float, quantized: quantized)
  }

  private static func logProbabilities(_ logits: ArraySlice<Float>) -> [Double] {
    let most = Double(logits.max() ?? 0)
    let sum = logits.reduce(0) { $0 + exp(Double($1) - most) }
    return logits.map { Double($0) - most - log(sum) }
  }
}
