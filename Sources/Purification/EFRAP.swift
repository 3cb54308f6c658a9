import Foundation
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
/// Finally h = [V ≥ 0]. Where this deviates from the authors' code: the reconstruction term runs
/// over all calibration images at once through their second moments instead of over a random
/// batch of 32 a step, so there is no randomness in it, and weights lie on the scheme's own
/// symmetric grid.
package struct EFRAP: RoundingSolver {
  /// Adam steps a layer; the authors use 10,000.
  package var iterations: Int
  /// Adam's step.
  package var learningRate: Float = 1e-3
  /// Weight of the regulariser that drives h to 0 or 1.
  package var regularisation: Float = 0.01

  package init(iterations: Int = 10_000) {
    self.iterations = iterations
  }

  package func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) -> [Int8] {
    let pieces = problem.pieces
    let solved = Parallel.map(pieces.count, threads: threads) { piece in
      var relaxation = Relaxation(problem, rows: pieces[piece])
      for step in 1...max(iterations, 1) {
        relaxation.step(step, learningRate: learningRate, regularisation: regularisation)
        if piece == 0, step % 100 == 0 { progress(Double(step) / Double(iterations)) }
      }
      return relaxation.decision
    }
    return solved.flatMap { $0 }
  }
}

/// The relaxed rounding of some rows of a layer, and Adam's state.
private struct Relaxation {
  let rows: Int
  let columns: Int
  let gram: [Float]
  /// W·cross.
  let target: [Float]
  /// ⌊W/s⌋ and the grid's limits, in integers held as floats.
  let floor: [Float]
  let low: Float
  let high: Float
  /// Real value of one integer step, one a row: s · BatchNorm factor.
  let unit: [Float]
  /// |W − s·near| in real units.
  let error: [Float]
  /// 1 − round(frac).
  let flipped: [Float]
  var v: [Float]
  var firstMoment: [Float]
  var secondMoment: [Float]
  /// σ(V), Ŵ and Ŵ·gram − target of the present step.
  var h: [Float]
  var rounded: [Float]
  var residual: [Float]

  /// Keeps V finite where a weight already lies on the grid.
  private static let smallestFraction: Float = 1e-6

  init(_ problem: RoundingProblem, rows range: Range<Int>) {
    let layer = problem.layer
    rows = range.count
    columns = layer.columns
    gram = Array(problem.gram(ofRow: range.lowerBound))
    let span = range.lowerBound * columns..<range.upperBound * columns
    target = Array(problem.target[span])
    low = Float(layer.limits.lowerBound)
    high = Float(layer.limits.upperBound)
    unit = range.map { layer.scales[$0] * layer.factors[$0] }

    var floor: [Float] = []
    var error: [Float] = []
    var flipped: [Float] = []
    var v: [Float] = []
    for index in span {
      let row = index / columns
      let scaled = layer.weights[index] / layer.scales[row]
      let down = scaled.rounded(.down)
      let fraction = scaled - down
      let side: Float = fraction > 0.5 ? 1 : 0
      let near = min(max(down + side, low), high)
      floor.append(down)
      error.append(abs(scaled - near) * abs(layer.scales[row] * layer.factors[row]))
      flipped.append(1 - side)
      let start = min(max(fraction, Self.smallestFraction), 1 - Self.smallestFraction)
      v.append(log(start / (1 - start)))
    }
    self.floor = floor
    self.error = error
    self.flipped = flipped
    self.v = v
    let zero = [Float](repeating: 0, count: v.count)
    (firstMoment, secondMoment) = (zero, zero)
    (h, rounded, residual) = (zero, zero, zero)
  }

  /// One Adam step, numbered from 1.
  mutating func step(_ number: Int, learningRate: Float, regularisation: Float) {
    relax()
    residual = target
    Gemm.multiply(
      rows: rows, columns: columns, inner: columns, rounded[...], gram[...], scale: -1,
      into: &residual[...])
    descend(number, learningRate: learningRate, regularisation: regularisation)
  }

  /// h = σ(V) and Ŵ.
  private mutating func relax() {
    for row in 0..<rows {
      let unit = unit[row]
      for index in row * columns..<(row + 1) * columns {
        let value = 1 / (1 + FastMath.exp(-v[index]))
        h[index] = value
        rounded[index] = unit * min(max(floor[index] + value, low), high)
      }
    }
  }

  private mutating func descend(_ number: Int, learningRate: Float, regularisation: Float) {
    let decay1: Float = 0.9
    let decay2: Float = 0.999
    let step = learningRate / (1 - pow(decay1, Float(number)))
    let correction = 1 / (1 - pow(decay2, Float(number)))
    for row in 0..<rows {
      let unit = unit[row]
      for index in row * columns..<(row + 1) * columns {
        let value = h[index]
        let position = floor[index] + value
        // `residual` is target − Ŵ·gram; outside the grid's limits Ŵ no longer moves.
        let inside: Float = position > low && position < high ? 1 : 0
        let reconstruction = -2 * residual[index] * unit * inside
        let binary = -4 * regularisation * (2 * value - 1)
        let gradient =
          (reconstruction + binary) * value * (1 - value)
          + error[index] * (value - flipped[index])
        let first = decay1 * firstMoment[index] + (1 - decay1) * gradient
        let second = decay2 * secondMoment[index] + (1 - decay2) * gradient * gradient
        firstMoment[index] = first
        secondMoment[index] = second
        v[index] -= step * first / ((second * correction).squareRoot() + 1e-8)
      }
    }
  }

  /// The hard rounding, [rows][columns].
  var decision: [Int8] {
    v.indices.map { Int8(min(max(floor[$0] + (v[$0] >= 0 ? 1 : 0), low), high)) }
  }
}
