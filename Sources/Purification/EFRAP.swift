import Foundation
import FloatGraph
import Quantization
import Support

/// EFRAP (Li et al., "Nearest is Not Dearest", CVPR 2024): a binary rounding h of every weight,
/// Ŵ = s · clip(⌊W/s⌋ + h, n, p), learned by Adam on a sigmoid relaxation h = σ(V).
///
/// Minimised for each layer, with inputs from the quantized prefix and the float layer's output
/// as target:
/// - activation preservation, ‖Ŵq − Wf‖² summed over channels, mean over images and positions;
/// - error-guided flipping, Σ |W − s·near| · BCE(h, 1 − round(frac)): towards the side that
///   nearest rounding did not take, the harder the larger its truncation error;
/// - 0.01 · Σ (1 − (2h − 1)²).
///
/// Each step sees one random batch of 32 cached images, as in the authors' code, but through the
/// batch's second moments, which give the same gradient in a fraction of the time. Finally
/// h = [V ≥ 0]. One deviation: weights lie on the scheme's own symmetric grid.
package struct EFRAP: RoundingSolver {
  /// Adam steps a layer; the authors use 10,000.
  package var iterations: Int
  /// Adam's step.
  package var learningRate: Float = 1e-3
  /// Weight of the regulariser that drives h to 0 or 1.
  package var regularisation: Float = 0.01

  /// Of the batches' order.
  package var seed: UInt64

  package init(iterations: Int = 10_000, seed: UInt64 = 0) {
    self.iterations = iterations
    self.seed = seed
  }

  package func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) -> [Int8] {
    let pieces = problem.pieces
    var generator = SeededGenerator(seed: seed, stream: UInt64(problem.layer.unit))
    let order = (0..<max(iterations, 1)).map { _ in generator.below(problem.batches.count) }
    let solved = Parallel.map(pieces.count, threads: threads) { piece in
      var relaxation = Relaxation(problem, rows: pieces[piece])
      for step in 1...order.count {
        relaxation.step(
          step, batch: order[step - 1], learningRate: learningRate,
          regularisation: regularisation)
        if piece == 0, step % 100 == 0 { progress(Double(step) / Double(iterations)) }
      }
      return relaxation.decision
    }
    return solved.flatMap { $0 }
  }
}

/// The relaxed rounding of some rows of a layer, and Adam's state; all [rows][columns].
private struct Relaxation {
  let rows: Int
  let columns: Int
  private let batches: [RoundingProblem.Batch]
  /// Where these rows' gram matrix begins in a batch's.
  private let gramOffset: Int
  /// W·cross of these rows, one a batch.
  private let targets: [LaneVector]
  /// ⌊W/s⌋ and the grid's limits, in integers held as floats.
  let floor: LaneVector
  let low: Lanes
  let high: Lanes
  /// Real value of one integer step: s · BatchNorm factor.
  let unit: LaneVector
  /// |W − s·near| in real units.
  let error: LaneVector
  /// 1 − round(frac).
  let flipped: LaneVector
  var v: LaneVector
  var firstMoment: LaneVector
  var secondMoment: LaneVector
  /// σ(V), Ŵ and Ŵ·gram of the present step.
  var h: LaneVector
  var rounded: LaneVector
  var product: LaneVector

  /// Keeps V finite where a weight already lies on the grid.
  private static let smallestFraction: Float = 1e-6

  init(_ problem: RoundingProblem, rows range: Range<Int>) {
    let layer = problem.layer
    rows = range.count
    columns = layer.columns
    batches = problem.batches
    gramOffset = problem.gramOffset(ofRow: range.lowerBound)
    let span = range.lowerBound * columns..<range.upperBound * columns
    targets = problem.batches.map { LaneVector(Array($0.target[span])) }
    let low = Float(layer.limits.lowerBound)
    let high = Float(layer.limits.upperBound)
    self.low = Lanes(repeating: low)
    self.high = Lanes(repeating: high)

    var floor: [Float] = []
    var unit: [Float] = []
    var error: [Float] = []
    var flipped: [Float] = []
    var v: [Float] = []
    for index in span {
      let row = index / columns
      let step = layer.scales[row] * layer.factors[row]
      let scaled = layer.weights[index] / layer.scales[row]
      let down = scaled.rounded(.down)
      let fraction = scaled - down
      let side: Float = fraction > 0.5 ? 1 : 0
      let near = min(max(down + side, low), high)
      floor.append(down)
      unit.append(step)
      error.append(abs(scaled - near) * abs(step))
      flipped.append(1 - side)
      let start = min(max(fraction, Self.smallestFraction), 1 - Self.smallestFraction)
      v.append(log(start / (1 - start)))
    }
    self.floor = LaneVector(floor)
    self.unit = LaneVector(unit)
    self.error = LaneVector(error)
    self.flipped = LaneVector(flipped)
    self.v = LaneVector(v)
    let zeros = LaneVector(zeros: v.count)
    (firstMoment, secondMoment) = (zeros, zeros)
    (h, rounded, product) = (zeros, zeros, zeros)
  }

  /// One Adam step, numbered from 1, on one batch.
  mutating func step(
    _ number: Int, batch: Int, learningRate: Float, regularisation: Float
  ) {
    relax()
    let (rows, columns, gramOffset) = (rows, columns, gramOffset)
    product.withMutableFloats { product in
      rounded.withFloats { rounded in
        batches[batch].gram.withUnsafeBufferPointer { gram in
          Gemm.multiply(
            m: rows, n: columns, k: columns, a: rounded, lda: columns,
            b: gram.baseAddress! + gramOffset, ldb: columns, c: product, ldc: columns)
        }
      }
    }
    descend(
      number, target: targets[batch], learningRate: learningRate, regularisation: regularisation)
  }

  /// h = σ(V) and Ŵ.
  private mutating func relax() {
    for index in v.lanes.indices {
      let value = 1 / (1 + FastMath.exp(-v.lanes[index]))
      h.lanes[index] = value
      let position = floor.lanes[index] + value
      rounded.lanes[index] =
        unit.lanes[index] * position.clamped(lowerBound: low, upperBound: high)
    }
  }

  private mutating func descend(
    _ number: Int, target: LaneVector, learningRate: Float, regularisation: Float
  ) {
    let decay1: Float = 0.9
    let decay2: Float = 0.999
    let step = learningRate / (1 - pow(decay1, Float(number)))
    let correction = 1 / (1 - pow(decay2, Float(number)))
    for index in v.lanes.indices {
      let value = h.lanes[index]
      let position = floor.lanes[index] + value
      // Outside the grid's limits Ŵ no longer moves.
      let inside = (position .> low) .& (position .< high)
      let residual = (product.lanes[index] - target.lanes[index]) * unit.lanes[index]
      let reconstruction = Lanes.zero.replacing(with: 2 * residual, where: inside)
      let binary = -4 * regularisation * (2 * value - 1)
      let gradient =
        (reconstruction + binary) * value * (1 - value)
        + error.lanes[index] * (value - flipped.lanes[index])
      let first = decay1 * firstMoment.lanes[index] + (1 - decay1) * gradient
      let second = decay2 * secondMoment.lanes[index] + (1 - decay2) * gradient * gradient
      firstMoment.lanes[index] = first
      secondMoment.lanes[index] = second
      v.lanes[index] -= step * first / ((second * correction).squareRoot() + 1e-8)
    }
  }

  /// The hard rounding.
  var decision: [Int8] {
    (0..<rows * columns).map { index in
      Int8(min(max(floor[index] + (v[index] >= 0 ? 1 : 0), low[0]), high[0]))
    }
  }
}
