import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

// The kernels derive the scales of some operators in ways of their own: what is written is compared
// with the program on every accumulator that there can be.

/// The sums that an operator can come to, zero points taken off.
struct Accumulators {
  var sums: ClosedRange<Int>
}

extension Accumulators {
  /// Of `count` values of a grid.
  init(of count: Int, on tensor: IntegerTensor) {
    let (limits, zeroPoint) = (tensor.grid.limits, tensor.zeroPoint)
    sums = count * (limits.lowerBound - zeroPoint)...count * (limits.upperBound - zeroPoint)
  }

  /// Of sums of more elements than images of 256 × 256 have, only so many are tried, evenly spread.
  private static let mostTried = 1 << 24

  /// How many one way of scaling brings to another result than another; all where there is none.
  func differing(_ one: ((Int32) -> Int32)?, _ other: (Int32) -> Int32) -> Int {
    guard let one else { return sums.count }
    return stride(
      from: sums.lowerBound, through: sums.upperBound, by: max(sums.count / Self.mostTried, 1)
    ).count { one(Int32(clamping: $0)) != other(Int32(clamping: $0)) }
  }
}

// Ratios as LiteRT's reference kernels apply them outside fully connected layers.

extension Multiplier {
  func scaled(_ sum: Int32) -> Int32 {
    multiplyDoubleRounding(sum, multiplier: value, shift: shift)
  }
}

extension Rescale {
  func scaled(_ sum: Int32) -> Int32 {
    multiplyDoubleRounding(sum, multiplier: multiplier, shift: shift)
  }
}
