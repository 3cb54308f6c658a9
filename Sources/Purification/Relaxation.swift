import CupelQuantization
import Foundation

/// EFRAP's relaxed rounding of some rows of a layer; all [rows][columns].
package struct Relaxation {
  private var rows: AdamRows
  /// ⌊W/s⌋, in integers held as floats.
  private let floor: LaneVector
  /// |W − s·near| in real units.
  private let error: LaneVector
  /// 1 − round(frac).
  private let flipped: LaneVector
  private var v: LaneVector
  /// σ(V) of the present step.
  private var h: LaneVector

  /// Keeps V finite where a weight already lies on the grid.
  private static let smallestFraction: Float = 1e-6

  /// Begins where h is each weight's place between its two integers.
  ///
  /// - Parameter range: one of the problem's pieces.
  package init(_ problem: RoundingProblem, rows range: Range<Int>) {
    let layer = problem.layer
    rows = AdamRows(problem, rows: range)
    let (low, high) = (rows.low[0], rows.high[0])
    var floor: [Float] = []
    var error: [Float] = []
    var flipped: [Float] = []
    var v: [Float] = []
    for index in problem.weights(ofRows: range) {
      let row = index / layer.columns
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
    self.floor = LaneVector(floor)
    self.error = LaneVector(error)
    self.flipped = LaneVector(flipped)
    self.v = LaneVector(v)
    h = LaneVector(zeros: v.count)
  }

  /// One Adam step, numbered from 1, on one batch.
  package mutating func step(
    _ number: Int, batch: Int, learningRate: Float, regularisation: Float
  ) {
    evaluate(batch: batch)
    let target = rows.targets[batch]
    let rates = AdamRows.rates(number, learningRate: learningRate)
    for index in v.lanes.indices {
      let gradient = gradient(index, target: target, regularisation: regularisation)
      v.lanes[index] -= rows.move(index, against: gradient, rates)
    }
  }

  /// V, in the rows' order.
  package var logits: [Float] {
    get { (0..<v.count).map { v[$0] } }
    set { v = LaneVector(newValue) }
  }

  /// What a step descends: the loss's derivative by V on one batch.
  package mutating func gradient(batch: Int, regularisation: Float) -> [Float] {
    evaluate(batch: batch)
    return (0..<v.count).map { index in
      let lanes = gradient(
        index / Lanes.scalarCount, target: rows.targets[batch], regularisation: regularisation)
      return lanes[index % Lanes.scalarCount]
    }
  }

  /// h = σ(V), Ŵ and Ŵ·gram.
  private mutating func evaluate(batch: Int) {
    for index in v.lanes.indices {
      let value = 1 / (1 + FastMath.exp(-v.lanes[index]))
      h.lanes[index] = value
      let position = floor.lanes[index] + value
      rows.rounded.lanes[index] =
        rows.unit.lanes[index] * position.clamped(lowerBound: rows.low, upperBound: rows.high)
    }
    rows.multiply(batch: batch)
  }

  /// The derivative by the eight V of one lane.
  @inline(__always)
  private func gradient(_ index: Int, target: LaneVector, regularisation: Float) -> Lanes {
    let value = h.lanes[index]
    let position = floor.lanes[index] + value
    // Outside the grid's limits Ŵ no longer moves.
    let inside = (position .> rows.low) .& (position .< rows.high)
    let residual = rows.slope(index, target: target) * rows.unit.lanes[index]
    let reconstruction = Lanes.zero.replacing(with: 2 * residual, where: inside)
    let binary = -4 * regularisation * (2 * value - 1)
    return (reconstruction + binary) * value * (1 - value)
      + error.lanes[index] * (value - flipped.lanes[index])
  }

  /// The hard rounding.
  package var decision: [Int8] { rows.integers { floor[$0] + (v[$0] >= 0 ? 1 : 0) } }
}
