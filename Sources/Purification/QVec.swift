import CupelFloatGraph
import CupelQuantization
import CupelSupport

/// QVec (arXiv 2606.20254): what quantization adds to the weights is taken for a malicious task
/// vector, and the weights are moved against it before they are rounded, W' = W − λ(Q(W) − W).
///
/// λ is the one of a few under which the network's answers on the calibration images lie nearest
/// to the float network's. 0 is not among them: that would be nearest rounding, which a vendor can
/// make look as faithful as they like.
struct QVec {
  let task: PurificationTask

  private static let amounts: [Float] = [0.25, 0.5, 1, 2]

  func run(
    progress: @escaping @Sendable (Purification.Progress) -> Void
  ) throws -> Purification.Result {
    let plan = try task.plan()
    var best = try rounded(plan, Self.amounts[0])
    for (index, amount) in Self.amounts.enumerated().dropFirst() {
      progress(
        .init(share: Double(index) / Double(Self.amounts.count), status: "λ = \(amount)"))
      let result = try rounded(plan, amount)
      // Not the lesser one where it is not a number.
      if result.drift.divergence < best.drift.divergence || !best.drift.divergence.isFinite {
        best = result
      }
    }
    progress(.init(share: 1, status: best.summary))
    return best
  }

  private func rounded(_ plan: QuantizationPlan, _ amount: Float) throws -> Purification.Result {
    try Interruption.check()
    let rounded = RoundedPlan(plan) { _, layer in
      var integers = layer.rounded(against: amount)
      if task.holdsScales {
        layer.keepNearest(layer.held(granularity: plan.scheme.granularity), in: &integers)
      }
      return integers
    }
    return Purification.Result(
      rounded: rounded,
      layers: zip(plan.layers, rounded.integers).map { layer, integers in
        Purification.LayerReport(
          name: layer.name, weights: integers.count,
          changed: layer.changes(from: layer.nearest(), to: integers))
      },
      drift: try Drift(of: rounded, images: task.images, threads: task.threads),
      summary: "qvec, λ = \(amount)")
  }
}

extension WeightedLayer {
  /// Nearest rounding of W − λ(Q(W) − W), [rows][columns]. Up to λ = 2 it flips just the weights
  /// whose truncation error exceeds s / (2 + 2λ).
  package func rounded(against amount: Float) -> [Int8] {
    let nearest = nearest()
    var moved = self
    for index in nearest.indices {
      let scale = scales[index / columns]
      moved.weights[index] -= amount * (Float(nearest[index]) * scale - weights[index])
    }
    return moved.nearest()
  }

  /// Gives some weights back the integer of nearest rounding.
  func keepNearest(_ held: some Collection<Int>, in integers: inout [Int8]) {
    guard !held.isEmpty else { return }
    let nearest = nearest()
    for index in held { integers[index] = nearest[index] }
  }

  /// Weights whose integers differ.
  func changes(from nearest: [Int8], to integers: [Int8]) -> Int {
    zip(nearest, integers).count { $0 != $1 }
  }
}
