import FloatGraph
import Foundation
import Quantization
import Support

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
  ) -> [Int8] {
    let pieces = problem.pieces
    var generator = SeededGenerator(seed: seed, stream: UInt64(problem.layer.unit))
    let order = (0..<max(iterations, 0)).map { _ in generator.below(problem.batches.count) }
    let solved = Parallel.map(pieces.count, threads: threads) { piece in
      var offsets = Offsets(problem, rows: pieces[piece], factors: foldedFactors)
      for (step, batch) in order.enumerated() {
        offsets.step(step + 1, batch: batch, learningRate: learningRate)
        if piece == 0, (step + 1) % 100 == 0 { progress(Double(step + 1) / Double(iterations)) }
      }
      return offsets.integers
    }
    return solved.flatMap { $0 }
  }
}

/// Offsets of some rows' weights, and Adam's state; all [rows][columns].
private struct Offsets {
  private let rows: Int
  private let columns: Int
  private let batches: [LayerMoments]
  private let gramOffset: Int
  private let targets: [LaneVector]
  private let low: Lanes
  private let high: Lanes
  /// Real value of one integer step.
  private let unit: LaneVector
  /// Integer steps per unit of α.
  private let pace: LaneVector
  /// (W + α) / s.
  private var position: LaneVector
  private var firstMoment: LaneVector
  private var secondMoment: LaneVector
  private var rounded: LaneVector
  private var product: LaneVector

  init(_ problem: RoundingProblem, rows range: Range<Int>, factors: [Float]) {
    let layer = problem.layer
    rows = range.count
    columns = layer.columns
    batches = problem.batches
    gramOffset = problem.gramOffset(ofRow: range.lowerBound)
    let span = range.lowerBound * columns..<range.upperBound * columns
    targets = problem.batches.map { LaneVector(Array($0.target[span])) }
    low = Lanes(repeating: Float(layer.limits.lowerBound))
    high = Lanes(repeating: Float(layer.limits.upperBound))
    unit = LaneVector(
      span.map { layer.scales[$0 / layer.columns] * layer.factors[$0 / layer.columns] })
    pace = LaneVector(
      span.map { index in
        let row = index / layer.columns
        let pace = abs(factors.isEmpty ? 1 : factors[row]) / layer.scales[row]
        // A dead row's factor may be out of all proportion to its scale; such a row stays.
        return pace.isFinite ? pace : 0
      })
    position = LaneVector(span.map { layer.weights[$0] / layer.scales[$0 / layer.columns] })
    let zeros = LaneVector(zeros: span.count)
    (firstMoment, secondMoment, rounded, product) = (zeros, zeros, zeros, zeros)
  }

  mutating func step(_ number: Int, batch: Int, learningRate: Float) {
    let magic: Float = 0x1.8p23
    for index in position.lanes.indices {
      let inside = position.lanes[index].clamped(lowerBound: low, upperBound: high)
      rounded.lanes[index] = unit.lanes[index] * ((inside + magic) - magic)
    }
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
    descend(number, target: targets[batch], learningRate: learningRate)
  }

  private mutating func descend(_ number: Int, target: LaneVector, learningRate: Float) {
    let (decay1, decay2): (Float, Float) = (0.9, 0.999)
    let rate = learningRate / (1 - pow(decay1, Float(number)))
    let correction = 1 / (1 - pow(decay2, Float(number)))
    for index in position.lanes.indices {
      let place = position.lanes[index]
      // Straight through the rounding, but not through the clamp.
      let inside = (place .>= low) .& (place .<= high)
      let slope = 2 * (product.lanes[index] - target.lanes[index]) * unit.lanes[index]
      // By α in the unfolded weights' units.
      let gradient = Lanes.zero.replacing(with: slope * pace.lanes[index], where: inside)
      let first = decay1 * firstMoment.lanes[index] + (1 - decay1) * gradient
      let second = decay2 * secondMoment.lanes[index] + (1 - decay2) * gradient * gradient
      firstMoment.lanes[index] = first
      secondMoment.lanes[index] = second
      position.lanes[index] -=
        pace.lanes[index] * (rate * first / ((second * correction).squareRoot() + 1e-8))
    }
  }

  var integers: [Int8] {
    (0..<rows * columns).map { index in
      Int8(min(max(position[index].rounded(.toNearestOrEven), low[0]), high[0]))
    }
  }
}
