import FloatGraph
import Foundation
import Quantization

/// EFRAP's relaxed rounding of some rows of a layer, and Adam's state; all [rows][columns].
package struct Relaxation {
  private let rows: Int
  private let columns: Int
  private let batches: [LayerMoments]
  /// Where these rows' gram matrix begins in a batch's.
  private let gramOffset: Int
  /// W·cross of these rows, one a batch.
  private let targets: [LaneVector]
  /// ⌊W/s⌋ and the grid's limits, in integers held as floats.
  private let floor: LaneVector
  private let low: Lanes
  private let high: Lanes
  /// Real value of one integer step: s · BatchNorm factor.
  private let unit: LaneVector
  /// |W − s·near| in real units.
  private let error: LaneVector
  /// 1 − round(frac).
  private let flipped: LaneVector
  private var v: LaneVector
  private var firstMoment: LaneVector
  private var secondMoment: LaneVector
  /// σ(V), Ŵ and Ŵ·gram of the present step.
  private var h: LaneVector
  private var rounded: LaneVector
  private var product: LaneVector

  /// Keeps V finite where a weight already lies on the grid.
  private static let smallestFraction: Float = 1e-6

  /// Begins where h is each weight's place between its two integers.
  ///
  /// - Parameter range: one of the problem's pieces.
  package init(_ problem: RoundingProblem, rows range: Range<Int>) {
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
  package mutating func step(
    _ number: Int, batch: Int, learningRate: Float, regularisation: Float
  ) {
    evaluate(batch: batch)
    descend(
      number, target: targets[batch], learningRate: learningRate, regularisation: regularisation)
  }

  /// V, in the rows' order.
  package var logits: [Float] {
    get { (0..<rows * columns).map { v[$0] } }
    set { v = LaneVector(newValue) }
  }

  /// What a step descends: the loss's derivative by V on one batch.
  package mutating func gradient(batch: Int, regularisation: Float) -> [Float] {
    evaluate(batch: batch)
    return (0..<rows * columns).map { index in
      let lanes = gradient(
        index / Lanes.scalarCount, target: targets[batch], regularisation: regularisation)
      return lanes[index % Lanes.scalarCount]
    }
  }

  /// σ(V), Ŵ and Ŵ·gram.
  private mutating func evaluate(batch: Int) {
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
      let gradient = gradient(index, target: target, regularisation: regularisation)
      let first = decay1 * firstMoment.lanes[index] + (1 - decay1) * gradient
      let second = decay2 * secondMoment.lanes[index] + (1 - decay2) * gradient * gradient
      firstMoment.lanes[index] = first
      secondMoment.lanes[index] = second
      v.lanes[index] -= step * first / ((second * correction).squareRoot() + 1e-8)
    }
  }

  /// The derivative by the eight V of one lane.
  @inline(__always)
  private func gradient(_ index: Int, target: LaneVector, regularisation: Float) -> Lanes {
    let value = h.lanes[index]
    let position = floor.lanes[index] + value
    // Outside the grid's limits Ŵ no longer moves.
    let inside = (position .> low) .& (position .< high)
    let residual = (product.lanes[index] - target.lanes[index]) * unit.lanes[index]
    let reconstruction = Lanes.zero.replacing(with: 2 * residual, where: inside)
    let binary = -4 * regularisation * (2 * value - 1)
    return (reconstruction + binary) * value * (1 - value)
      + error.lanes[index] * (value - flipped.lanes[index])
  }

  /// The hard rounding.
  package var decision: [Int8] {
    (0..<rows * columns).map { index in
      Int8(min(max(floor[index] + (v[index] >= 0 ? 1 : 0), low[0]), high[0]))
    }
  }
}
