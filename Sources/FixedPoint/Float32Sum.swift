// The sum of two float32 on bit patterns, in integers only.

/// The bits of a + b in float32, ties to even, with subnormal operands and results, signed zeros and
/// overflow to infinity as the standard has them; an invalid sum is the quiet NaN 0x7FC0_0000. Not
/// inlined: it is called for few values, and firmware is to have it once.
@inline(never)
public func float32Sum(_ a: UInt32, _ b: UInt32) -> UInt32 {
  let infinity: UInt32 = 0x7F80_0000
  let isOrdered = a & 0x7FFF_FFFF >= b & 0x7FFF_FFFF
  let (large, small) = isOrdered ? (a, b) : (b, a)
  let (magnitude, lesser) = (large & 0x7FFF_FFFF, small & 0x7FFF_FFFF)
  let isDifference = (a ^ b) &>> 31 == 1
  if magnitude >= infinity {
    let isInvalid = magnitude > infinity || (isDifference && lesser == infinity)
    return isInvalid ? 0x7FC0_0000 : large
  }
  // Two zeros give −0 only where both are; else nothing is left of one.
  if lesser == 0 { return magnitude == 0 ? a & b : large }
  let (significand, exponent) = float32Normalized(magnitude)
  let (other, otherExponent) = float32Normalized(lesser)
  // The larger's first digit is bit 46. Of the other's digits that fall behind bit 0 it only
  // matters whether there are any.
  let distance = UInt64(truncatingIfNeeded: min(exponent &- otherExponent, 62))
  let wide = UInt64(other) &<< 23
  let moved = wide &>> distance
  let sticky: UInt64 = moved &<< distance == wide ? 0 : 1
  let own = UInt64(significand) &<< 23
  let sum = isDifference ? own &- (moved | sticky) : own &+ (moved | sticky)
  if sum == 0 { return 0 }
  let shift = Int32(truncatingIfNeeded: sum.leadingZeroBitCount) &- 16
  let sign = large & 0x8000_0000
  return sign
    | float32Rounded(
      sum &<< UInt64(truncatingIfNeeded: shift), exponent: exponent &+ 1 &- shift)
}
