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

  init?(_ ratio: Double) {
    guard let multiplier = Multiplier(ratio) else { return nil }
    self.init(multiplier.value, multiplier.shift)
  }

  /// The multiplier of a ratio, divided by a number of elements in integers.
  init?(dividing ratio: Double, by count: Int) {
    guard let whole = Multiplier(ratio) else { return nil }
    var bits = Int32(63 - Int64(count).leadingZeroBitCount)
    bits = min(bits, 32, 31 + whole.shift)
    guard bits >= 0 else { return nil }
    let divided = (Int64(whole.value) << Int64(bits)) / Int64(count)
    self.init(Int32(truncatingIfNeeded: divided), whole.shift - bits)
  }

  func apply(_ value: Int32) -> Int32 {
    multiplyDoubleRounding(value, multiplier: multiplier, shift: shift)
  }
}

/// The scales of an addition as TensorFlow Lite derives them.
struct DerivedSum {
  var multipliers: [Int32]
  var shifts: [Int32]
  var outputMultiplier: Int32
  var outputShift: Int32

  init?(_ first: Double, _ second: Double, output: Double) {
    let common = 2 * max(first, second)
    guard let one = Multiplier(first / common), let two = Multiplier(second / common),
      let last = Multiplier(common / (0x1p20 * output)), last.shift <= 0
    else { return nil }
    multipliers = [one.value, two.value]
    shifts = [one.shift, two.shift]
    (outputMultiplier, outputShift) = (last.value, last.shift)
  }

  /// The sum of a value and nothing.
  func apply(_ value: Int32) -> Int32 {
    let scaled = multiplyDoubleRounding(
      value << 20, multiplier: multipliers[0], shift: shifts[0])
    return multiplyDoubleRounding(scaled, multiplier: outputMultiplier, shift: outputShift)
  }
}
