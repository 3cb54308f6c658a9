/// The parts of an IEEE-754 single, judged without floating point.
package struct FloatBits {
  package let bits: UInt32

  package init(_ bits: UInt32) { self.bits = bits }

  package var isNegative: Bool { bits >> 31 != 0 }
  /// Biased by 127; 0 for zero and subnormals, 255 for infinities and NaN.
  package var exponent: Int { Int(bits >> 23 & 0xFF) }
  package var fraction: UInt32 { bits & 0x7F_FFFF }
  package var isFinite: Bool { exponent != 255 }
  /// Of either sign.
  package var isZero: Bool { bits << 1 == 0 }

  /// Whether `multiplier` · 2^(shift − 31) is this number to within one part in 2²⁰, or is zero
  /// where this number's magnitude is below 2⁻³¹.
  ///
  /// The two are made from the same scales, one in single and one perhaps in double precision,
  /// so they differ by a few units in the 24th bit at most. A file in which they differ by more
  /// would compute one network under one rounding mode and another network under the next.
  package func agrees(multiplier: Int32, shift: Int32) -> Bool {
    guard isFinite else { return false }
    if multiplier == 0 { return exponent < 127 - 31 }
    guard exponent > 0, isNegative == (multiplier < 0) else { return false }
    // |value| = significand · 2^(exponent − 150) = (significand · 2⁷) · 2^(exponent − 157).
    var own = Int64(fraction | 0x80_0000) << 7
    // Some multipliers of a mean lack a bit.
    let isShort = abs(Int64(multiplier)) < 1 << 30
    var other = abs(Int64(multiplier)) << (isShort ? 1 : 0)
    switch Int(shift) &- (isShort ? 1 : 0) &- 31 &- (exponent &- 157) {
    case 0: break
    case 1: other <<= 1
    case -1: own <<= 1
    default: return false
    }
    return abs(own &- other) <= own >> 20
  }
}
