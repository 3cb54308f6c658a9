// IEEE 754 binary64 arithmetic in integers: what predicts runtimes that scale their accumulators in
// double, on machines with no floating point unit. No 64-bit division: on a Cortex-M that would be
// a library call.

/// A double as significand · 2^exponent: a significand in 2⁵² ..< 2⁵³, or 0, and a sign.
public struct Float64Ratio: Sendable, Equatable {
  /// In 2⁵² ..< 2⁵³, or 0.
  public var significand: UInt64
  /// The power of two that the significand is multiplied with.
  public var exponent: Int32
  /// The sign.
  public var isNegative: Bool

  /// A ratio by its parts.
  @inlinable @inline(__always)
  public init(significand: UInt64, exponent: Int32, isNegative: Bool) {
    self.significand = significand
    self.exponent = exponent
    self.isNegative = isNegative
  }

  /// The ratio 0.
  @inlinable
  public static var zero: Float64Ratio {
    Float64Ratio(significand: 0, exponent: 0, isNegative: false)
  }

  /// input · weight / output in double arithmetic, of float32 scales given as bits. The product of
  /// two float32 is exact in double, so only the quotient is rounded: to nearest, ties to even.
  /// All must be finite, and `output` other than zero.
  public init(input: UInt32, weight: UInt32, output: UInt32) {
    let magnitudes = (input & 0x7FFF_FFFF, weight & 0x7FFF_FFFF, output & 0x7FFF_FFFF)
    guard magnitudes.0 != 0, magnitudes.1 != 0, magnitudes.2 != 0 else {
      self = .zero
      return
    }
    let (a, exponentA) = float32Normalized(magnitudes.0)
    let (b, exponentB) = float32Normalized(magnitudes.1)
    let (divisor, exponentC) = float32Normalized(magnitudes.2)
    // A float32 is significand · 2^(exponent − 150). The dividend's top bit is bit 63; divided by
    // less than 2²⁴, bit for bit, it gives a quotient of 40 bits or more, so 16 further bits are
    // enough for 53 and a bit to round by.
    var dividend = UInt64(a) &* UInt64(b)
    let leading = UInt64(truncatingIfNeeded: dividend.leadingZeroBitCount)
    dividend = dividend &<< leading
    var exponent = exponentA &+ exponentB &- 300 &- (exponentC &- 150)
    exponent = exponent &- Int32(truncatingIfNeeded: leading) &- 16
    var quotient: UInt64 = 0
    var rest: UInt32 = 0
    for step in 0..<80 {
      let next = step < 64 ? UInt32(truncatingIfNeeded: dividend &>> 63) : 0
      dividend = dividend &<< 1
      // Below twice the divisor, so below 2²⁵.
      rest = (rest &<< 1) | next
      let bit = rest >= divisor
      if bit { rest = rest &- divisor }
      quotient = (quotient &<< 1) | (bit ? 1 : 0)
    }
    // A rest makes what is dropped more than it seems.
    let (rounded, shift) = float64Rounded(quotient, isSticky: rest != 0)
    significand = rounded
    self.exponent = exponent &+ shift
    isNegative = (input ^ weight ^ output) &>> 31 == 1
  }
}

/// A number rounded to 53 bits, ties to even: the significand, brought to 2⁵² ..< 2⁵³, and the
/// exponent that goes with it. `value` has its top bit at 52 or above, and `isSticky` says that
/// there is more of it than its bits show.
private func float64Rounded(
  _ value: UInt64, isSticky: Bool
) -> (significand: UInt64, exponent: Int32) {
  let drop = 11 &- Int32(truncatingIfNeeded: value.leadingZeroBitCount)
  if drop <= 0 { return (value, 0) }
  let shift = UInt64(truncatingIfNeeded: drop)
  let kept = value &>> shift
  let dropped = value & (((1 as UInt64) &<< shift) &- 1)
  let half = (1 as UInt64) &<< (shift &- 1)
  let isUp = dropped > half || (dropped == half && (isSticky || kept & 1 == 1))
  let rounded = kept &+ (isUp ? 1 : 0)
  // A carry out of the top gives a power of two, so nothing is lost by halving.
  return rounded &>> 53 == 1 ? (rounded &>> 1, drop &+ 1) : (rounded, drop)
}

/// value · ratio in double, then to the nearest integer, ties away from zero: two roundings. The
/// result saturates to int32.
///
/// Source: LiteRT's reference fully connected kernel (`round` of a product of doubles).
public func multiplyFloat64HalfAway(_ value: Int32, ratio: Float64Ratio) -> Int32 {
  if value == 0 || ratio.significand == 0 { return 0 }
  // The product has up to 85 bits: high · 2³² + low.
  let magnitude = UInt64(value.magnitude)
  let lowProduct = magnitude &* (ratio.significand & 0xFFFF_FFFF)
  let high = magnitude &* (ratio.significand &>> 32) &+ (lowProduct &>> 32)
  let low = lowProduct & 0xFFFF_FFFF
  // To one word of 64 bits with its top bit at 63 or, for small values, exactly as it is.
  let missing = UInt64(truncatingIfNeeded: high.leadingZeroBitCount)
  let word: UInt64
  var isSticky = false
  var exponent = ratio.exponent
  if missing >= 32 {
    word = (high &<< 32) | low
  } else {
    let drop = 32 &- missing
    word = (high &<< missing) | (low &>> drop)
    isSticky = low & (((1 as UInt64) &<< drop) &- 1) != 0
    exponent = exponent &+ Int32(truncatingIfNeeded: drop)
  }
  return int32(
    word, isSticky: isSticky, exponent: exponent, isNegative: (value < 0) != ratio.isNegative)
}

/// The same of a value below 2⁵³ in magnitude, which a double holds.
public func multiplyFloat64HalfAway(_ value: Int64, ratio: Float64Ratio) -> Int32 {
  if value == 0 || ratio.significand == 0 { return 0 }
  // The product has up to 106 bits: high · 2⁶⁴ + low, of four products of 32 bits.
  let half: UInt64 = 0xFFFF_FFFF
  let magnitude = value.magnitude
  let low = (magnitude & half) &* (ratio.significand & half)
  let middle =
    (magnitude & half) &* (ratio.significand &>> 32)
    &+ (magnitude &>> 32) &* (ratio.significand & half) &+ (low &>> 32)
  let high = (magnitude &>> 32) &* (ratio.significand &>> 32) &+ (middle &>> 32)
  var word = (middle &<< 32) | (low & half)
  var isSticky = false
  var exponent = ratio.exponent
  if high != 0 {
    let missing = UInt64(truncatingIfNeeded: high.leadingZeroBitCount)
    let drop = 64 &- missing
    isSticky = word & (((1 as UInt64) &<< drop) &- 1) != 0
    word = (high &<< missing) | (word &>> drop)
    exponent = exponent &+ Int32(truncatingIfNeeded: drop)
  }
  return int32(
    word, isSticky: isSticky, exponent: exponent, isNegative: (value < 0) != ratio.isNegative)
}

/// A product, word · 2^exponent and perhaps a little more, rounded to a double and then to an integer.
private func int32(
  _ word: UInt64, isSticky: Bool, exponent: Int32, isNegative: Bool
) -> Int32 {
  let (significand, shift) = float64Rounded(word, isSticky: isSticky)
  let rounded = integerHalfUp(significand, exponent: exponent &+ shift)
  if isNegative { return rounded >= 1 &<< 31 ? .min : 0 &- Int32(truncatingIfNeeded: rounded) }
  return Int32(truncatingIfNeeded: min(rounded, 0x7FFF_FFFF))
}

/// significand · 2^exponent to the nearest integer, halves up, at most 2⁶³.
private func integerHalfUp(_ significand: UInt64, exponent: Int32) -> UInt64 {
  if exponent >= 0 {
    return exponent > 10 ? 1 &<< 63 : significand &<< UInt64(truncatingIfNeeded: exponent)
  }
  // Below one half, since the significand is below 2⁵³.
  if exponent < -53 { return 0 }
  let drop = UInt64(truncatingIfNeeded: 0 &- exponent)
  return (significand &+ ((1 as UInt64) &<< (drop &- 1))) &>> drop
}
