import FixedPoint
import IntegerBuilder
import IntegerOperators
import ModelWriter

// The kernels derive the scales of some operators in ways of their own: what is written is compared
// with the program on every accumulator that there can be.

/// The sums that an operator can come to, zero points taken off.
struct Accumulators {
  var sums: ClosedRange<Int>

  init(sums: ClosedRange<Int>) { self.sums = sums }

  /// Of `count` values of a grid.
  init(of count: Int, on grid: IntegerTensor) {
    let low = grid.bits == 8 ? -128 : -8
    let high = grid.bits == 8 ? 127 : 7
    sums = count * (low - grid.zeroPoint)...count * (high - grid.zeroPoint)
  }

  /// Of sums of more elements than images of 256 × 256 have, only so many are tried, evenly spread.
  private static let mostTried = 1 << 24

  /// How many one ratio brings to another result than another; all where there is none.
  func differing(_ one: Scaled?, _ other: Scaled) -> Int {
    guard let one else { return sums.count }
    return stride(
      from: sums.lowerBound, through: sums.upperBound, by: max(sums.count / Self.mostTried, 1)
    ).count { one.apply(Int32(clamping: $0)) != other.apply(Int32(clamping: $0)) }
  }
}

/// A ratio as LiteRT's reference kernels apply it outside fully connected layers.
struct Scaled {
  var multiplier: Int32
  var shift: Int32

  init(_ multiplier: Int32, _ shift: Int32) {
    (self.multiplier, self.shift) = (multiplier, shift)
  }

  init(_ rescale: Rescale) { self.init(rescale.multiplier, rescale.shift) }

  /// Nil for none.
  init?(_ multiplier: Multiplier?) {
    guard let multiplier else { return nil }
    self.init(multiplier.value, multiplier.shift)
  }

  func apply(_ value: Int32) -> Int32 {
    multiplyDoubleRounding(value, multiplier: multiplier, shift: shift)
  }
}
