import CupelQuantization
import CupelSupport

/// Layer-wise activation correction as published (LAC; Li et al., "Purifying
/// Quantization-Conditioned Backdoors via Layer-wise Activation Correction with Distribution
/// Approximation", ICML 2024, Eq. 3): Adam on an offset α that is added to the float weights before
/// they are rounded, straight through the rounding, minimising ‖y − Q(W + α)·q‖².
///
/// α starts at 0 and moves by Adam's 10⁻³ in the units of the unfolded weights, as in the authors'
/// code, where BatchNorm is a layer of its own. Each step sees one random batch of 32 images,
/// through its second moments.
package struct LAC: RoundingSolver {
  package var iterations: Int
  package var learningRate: Float = 1e-3
  /// Of the batches' order.
  package var seed: UInt64
  /// What folding multiplied each row's weights with.
  package var foldedFactors: [Float]

  package init(iterations: Int = 10_000, seed: UInt64 = 0, foldedFactors: [Float] = []) {
    (self.iterations, self.seed, self.foldedFactors) = (iterations, seed, foldedFactors)
  }

  package func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) throws -> [Int8] {
    let order = problem.batchOrder(steps: iterations, seed: seed)
    let steps = PieceSteps(problem, steps: order.count)
    return try problem.inPieces(threads: threads) { rows in
      var offsets = Offsets(problem, rows: rows, factors: foldedFactors)
      for (step, batch) in order.enumerated() {
        try Interruption.check()
        offsets.step(step + 1, batch: batch, learningRate: learningRate)
        if (step + 1) % 100 == 0 { progress(steps.advance(by: 100)) }
      }
      return offsets.integers
    }
  }
}

/// Offsets of some rows' weights; all [rows][columns].
private struct Offsets {
  private var rows: AdamRows
  /// Integer steps per unit of α.
  private let pace: LaneVector
  /// (W + α) / s.
  private var position: LaneVector

  init(_ problem: RoundingProblem, rows range: Range<Int>, factors: [Float]) {
    let layer = problem.layer
    rows = AdamRows(problem, rows: range)
    let span = problem.weights(ofRows: range)
    pace = LaneVector(
      span.map { index in
        let row = index / layer.columns
        let pace = abs(factors.isEmpty ? 1 : factors[row]) / layer.scales[row]
        // A dead row's factor may be out of all proportion to its scale; such a row stays.
        return pace.isFinite ? pace : 0
      })
    position = LaneVector(span.map { layer.weights[$0] / layer.scales[$0 / layer.columns] })
  }

  mutating func step(_ number: Int, batch: Int, learningRate: Float) {
    let magic: Float = 0x1.8p23
    for index in position.lanes.indices {
      let inside = position.lanes[index].clamped(lowerBound: rows.low, upperBound: rows.high)
      rows.rounded.lanes[index] = rows.unit.lanes[index] * ((inside + magic) - magic)
    }
    rows.multiply(batch: batch)
    let target = rows.targets[batch]
    let rates = AdamRows.rates(number, learningRate: learningRate)
    for index in position.lanes.indices {
      let place = position.lanes[index]
      // Straight through the rounding, but not through the clamp.
      let inside = (place .>= rows.low) .& (place .<= rows.high)
      let slope = 2 * rows.slope(index, target: target) * rows.unit.lanes[index]
      // By α in the unfolded weights' units.
      let gradient = Lanes.zero.replacing(with: slope * pace.lanes[index], where: inside)
      position.lanes[index] -= pace.lanes[index] * rows.move(index, against: gradient, rates)
    }
  }

  var integers: [Int8] { rows.integers { position[$0].rounded(.toNearestOrEven) } }
}
