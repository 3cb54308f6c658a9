import CupelFloatGraph
import Foundation

/// Some rows of a layer as the published solvers see them: what the error on each batch depends on,
/// and Adam's state. Vectors are [rows][columns].
struct AdamRows {
  private let rows, columns: Int
  private let batches: [LayerMoments]
  /// Where these rows' gram matrix begins in a batch's.
  private let gramOffset: Int
  /// W·cross of these rows, one a batch.
  let targets: [LaneVector]
  /// The grid's limits, in integers held as floats.
  let low, high: Lanes
  /// Real value of one integer step: s · BatchNorm factor.
  let unit: LaneVector
  private var firstMoment, secondMoment: LaneVector
  /// Ŵ of the present step, and Ŵ·gram.
  var rounded: LaneVector
  private var product: LaneVector

  /// - Parameter range: one of the problem's pieces.
  init(_ problem: RoundingProblem, rows range: Range<Int>) {
    let layer = problem.layer
    (rows, columns, batches) = (range.count, layer.columns, problem.batches)
    gramOffset = problem.gramOffset(ofRow: range.lowerBound)
    let span = problem.weights(ofRows: range)
    targets = problem.batches.map { LaneVector(Array($0.target[span])) }
    low = Lanes(repeating: Float(layer.limits.lowerBound))
    high = Lanes(repeating: Float(layer.limits.upperBound))
    unit = LaneVector(
      span.map { layer.scales[$0 / layer.columns] * layer.factors[$0 / layer.columns] })
    let zeros = LaneVector(zeros: span.count)
    (firstMoment, secondMoment, rounded, product) = (zeros, zeros, zeros, zeros)
  }

  /// Ŵ·gram of a batch.
  mutating func multiply(batch: Int) {
    let (rows, gramOffset) = (rows, gramOffset)
    product.withMutableFloats { product in
      rounded.withFloats {
        batches[batch].multiply($0, rows: rows, gramOffset: gramOffset, into: product)
      }
    }
  }

  /// Half the derivative of a batch's error by eight Ŵ.
  @inline(__always)
  func slope(_ index: Int, target: LaneVector) -> Lanes {
    product.lanes[index] - target.lanes[index]
  }

  private static let (decay1, decay2): (Float, Float) = (0.9, 0.999)

  /// What Adam's moments are multiplied with in step `number`, counted from 1.
  static func rates(_ number: Int, learningRate: Float) -> (first: Float, second: Float) {
    (learningRate / (1 - pow(decay1, Float(number))), 1 / (1 - pow(decay2, Float(number))))
  }

  /// By how much Adam lowers eight parameters.
  @inline(__always)
  mutating func move(
    _ index: Int, against gradient: Lanes, _ rates: (first: Float, second: Float)
  ) -> Lanes {
    let (decay1, decay2) = (Self.decay1, Self.decay2)
    let first = decay1 * firstMoment.lanes[index] + (1 - decay1) * gradient
    let second = decay2 * secondMoment.lanes[index] + (1 - decay2) * gradient * gradient
    firstMoment.lanes[index] = first
    secondMoment.lanes[index] = second
    return rates.first * first / ((second * rates.second).squareRoot() + 1e-8)
  }

  /// Integers on the grid from whole numbers that may lie beyond it.
  func integers(_ place: (Int) -> Float) -> [Int8] {
    (0..<rows * columns).map { Int8(min(max(place($0), low[0]), high[0])) }
  }
}
