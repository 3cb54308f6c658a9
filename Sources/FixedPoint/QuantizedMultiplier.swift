// Scaling an int32 by a Q31 multiplier and a power of two: gemmlowp's primitives, and the two ways
// in which TensorFlow Lite puts them together. `docs/arithmetic.md` has worked numbers.

/// The high half of twice the product, rounded: ⌊(a · b + 2³⁰) / 2³¹⌋, ties towards +∞.
///
/// The one result that would not fit, for a = b = −2³¹, becomes 2³¹ − 1.
/// Source: gemmlowp, `SaturatingRoundingDoublingHighMul`.
@inlinable @inline(__always)
public func saturatingRoundingDoublingHighMultiply(_ a: Int32, _ b: Int32) -> Int32 {
  // |a · b| ≤ 2⁶², so the sum fits. gemmlowp picks the nudge by sign and divides towards zero;
  // that is the same number as a floor after adding one half.
  let product = Int64(a) &* Int64(b)
  let high = (product &+ (1 &<< 30)) &>> 31
  return Int32(truncatingIfNeeded: min(high, Int64(Int32.max)))
}

/// value / 2^exponent, rounded to nearest, ties away from zero. Needs exponent in 0 ... 31.
///
/// Source: gemmlowp, `RoundingDivideByPOT`.
@inlinable @inline(__always)
public func roundingDivideByPowerOfTwo(_ value: Int32, exponent: Int32) -> Int32 {
  let mask = Int32(bitPattern: (1 as UInt32) &<< UInt32(bitPattern: exponent) &- 1)
  let remainder = value & mask
  let threshold = (mask &>> 1) &+ (value < 0 ? 1 : 0)
  return (value &>> exponent) &+ (remainder > threshold ? 1 : 0)
}

/// value · multiplier · 2^(shift − 31) with two roundings: the doubling high multiply, then the
/// division by a power of two.
///
/// Needs shift in −31 ... 30 and |value| · 2^max(shift, 0) < 2³¹ (the compiler proves it for every
/// channel); beyond that the left shift wraps. Any multiplier, of either sign.
/// Source: TensorFlow Lite, `MultiplyByQuantizedMultiplier` as built by default.
@inlinable @inline(__always)
public func multiplyDoubleRounding(_ value: Int32, multiplier: Int32, shift: Int32) -> Int32 {
  let left = max(shift, 0)
  let right = max(0 &- shift, 0)
  let product = saturatingRoundingDoublingHighMultiply(value &<< left, multiplier)
  return roundingDivideByPowerOfTwo(product, exponent: right)
}

/// ⌊value · m · 2^(shift − 15) + ½⌋, ties towards +∞, with the multiplier reduced to 16 bits:
/// m = ⌊multiplier / 2¹⁶ + ½⌋, and 2¹⁵ − 1 at most.
///
/// Needs |value| < 2⁴⁷ and shift in −31 ... 7; a result beyond an int32 keeps its low 32 bits.
/// Source: TensorFlow Lite, `MultiplyByQuantizedMultiplier` of an int64.
@inlinable @inline(__always)
public func multiplyReduced(_ value: Int64, multiplier: Int32, shift: Int32) -> Int32 {
  let reduced = multiplier < 0x7FFF_0000 ? (multiplier &+ (1 &<< 15)) &>> 16 : 0x7FFF
  // In 8 ... 46; |value · m| ≤ 2⁶², so the sum fits.
  let total = Int64(15 &- shift)
  let half = (1 as Int64) &<< (total &- 1)
  return Int32(truncatingIfNeeded: (value &* Int64(reduced) &+ half) &>> total)
}

/// ⌊value · multiplier · 2^(shift − 31) + ½⌋: one 64-bit product, one rounding, ties towards +∞.
///
/// Needs what `multiplyDoubleRounding` needs; beyond that the result keeps its low 32 bits.
/// Source: TensorFlow Lite, `MultiplyByQuantizedMultiplier` with `TFLITE_SINGLE_ROUNDING`.
@inlinable @inline(__always)
public func multiplySingleRounding(_ value: Int32, multiplier: Int32, shift: Int32) -> Int32 {
  // total is in 1 ... 62: |product| ≤ 2⁶² and half ≤ 2⁶¹, so the sum fits.
  let total = Int64(31 &- shift)
  let half = (1 as Int64) &<< (total &- 1)
  let product = Int64(value) &* Int64(multiplier)
  return Int32(truncatingIfNeeded: (product &+ half) &>> total)
}
