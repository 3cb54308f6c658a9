import FloatGraph
import Quantization

/// QVec (arXiv 2606.20254): what quantization adds to the weights is taken for a malicious task
/// vector, and the weights are moved against it before they are rounded, W' = W − λ(Q(W) − W).
///
/// λ is the one of a few under which the network's answers on the calibration images lie nearest to
/// the float network's. 0 is not among them: that would be nearest rounding, which a vendor can make
/// look as faithful as they like.
struct QVec {
  let bench: Bench

  private static let amounts: [Float] = [0.25, 0.5, 1, 2]

  func run(
    progress: @escaping @Sendable (Purification.Progress) -> Void
  ) throws -> Purification.Result {
    var best: Purification.Result?
    for (index, amount) in Self.amounts.enumerated() {
      progress(
        .init(share: Double(index) / Double(Self.amounts.count), status: "λ = \(amount)"))
      var result = try bench.purify(Recipe(.against(amount: amount))) { _ in }
      result.summary = "qvec, λ = \(amount)"
      if let best, best.drift.divergence <= result.drift.divergence { continue }
      best = result
    }
    let result = best!
    progress(.init(share: 1, status: result.summary))
    return result
  }
}

/// QVec's rounding under one λ, at most 2: it flips just the weights whose truncation error exceeds
/// s / (2 + 2λ).
package struct QVecRounding: RoundingSolver {
  /// λ; 0 is nearest rounding.
  package var amount: Float

  package init(amount: Float) { self.amount = amount }

  package func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) -> [Int8] { integers(problem.layer) }

  /// [rows][columns]
  package func integers(_ layer: WeightedLayer) -> [Int8] {
    let nearest = layer.nearest()
    guard amount != 0 else { return nearest }
    var moved = layer
    for index in nearest.indices {
      let scale = layer.scales[index / layer.columns]
      moved.weights[index] -= amount * (Float(nearest[index]) * scale - layer.weights[index])
    }
    return moved.nearest()
  }
}
