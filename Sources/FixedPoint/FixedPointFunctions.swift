// Exponential, reciprocal and hyperbolic tangent of fixed-point numbers, in integers only, as
// TensorFlow Lite's integer kernels use them. A number "in Qm.n" is an int32 that
// counts units of 2⁻ⁿ. Source: gemmlowp, `fixedpoint.h`.

/// The largest number of Q0.31, which stands for 1.
@usableFromInline let one31: Int32 = .max

/// e^a of a number a ≤ 0 with `integerBits` (4 or 5) bits before the point, in Q0.31.
public func exponentialOfNegative(_ a: Int32, integerBits: Int32) -> Int32 {
  if a == 0 { return one31 }
  let fractionBits = 31 &- integerBits
  // a = part − remainder, with part in −¼ ..< 0 and remainder a multiple of ¼.
  let quarter = (1 as Int32) &<< (fractionBits &- 2)
  let part = (a & (quarter &- 1)) &- quarter
  let remainder = part &- a
  var result = exponentialNearZero(part &<< integerBits)
  // One factor for each bit of the remainder: e^−¼, e^−½, e^−1, … in Q0.31.
  let factors: InlineArray<7, Int32> = [
    1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242,
  ]
  for index in 0..<Int(integerBits &+ 2) {
    let bit = fractionBits &- 2 &+ Int32(truncatingIfNeeded: index)
    if remainder & (1 &<< bit) != 0 {
      result = saturatingRoundingDoublingHighMultiply(result, factors[index])
    }
  }
  return result
}

/// e^a for a in −¼ ..< 0, both in Q0.31: the Taylor series about −⅛ up to the fourth power.
private func exponentialNearZero(_ a: Int32) -> Int32 {
  let atCentre: Int32 = 1_895_147_668  // e^−⅛
  let third: Int32 = 715_827_883
  let x = a &+ (1 &<< 28)
  let x2 = saturatingRoundingDoublingHighMultiply(x, x)
  let x3 = saturatingRoundingDoublingHighMultiply(x2, x)
  let x4 = saturatingRoundingDoublingHighMultiply(x2, x2)
  let cubic = roundingDivideByPowerOfTwo(x4, exponent: 2) &+ x3
  let tail = roundingDivideByPowerOfTwo(
    saturatingRoundingDoublingHighMultiply(cubic, third) &+ x2, exponent: 1)
  return atCentre &+ saturatingRoundingDoublingHighMultiply(atCentre, x &+ tail)
}

/// 1 / (1 + a) for a in 0 ... 1, both in Q0.31.
public func reciprocalOfOnePlus(_ a: Int32) -> Int32 {
  // Half of x, from Q2.29 to Q0.31.
  saturatingShiftLeft(twiceReciprocalOfOnePlus(a), by: 1)
}

/// 2 / (1 + a) for a in 0 ... 1 in Q0.31, the result in Q2.29: three steps of Newton's method.
private func twiceReciprocalOfOnePlus(_ a: Int32) -> Int32 {
  // (1 + a) / 2, rounded away from zero.
  let halfDenominator = Int32(truncatingIfNeeded: (Int64(a) &+ Int64(one31) &+ 1) / 2)
  // x approximates the inverse of that, in Q2.29, from 48/17 − 32/17 · d on.
  var x =
    1_515_870_810
    &+ saturatingRoundingDoublingHighMultiply(halfDenominator, -1_010_580_540)
  for _ in 0..<3 {
    let error = (1 &<< 29) &- saturatingRoundingDoublingHighMultiply(halfDenominator, x)
    let correction = saturatingRoundingDoublingHighMultiply(x, error)
    x = x &+ saturatingShiftLeft(correction, by: 2)
  }
  return x
}

/// 1 / x for x > 0 with `integerBits` bits before the point: the result is in Q0.31 and still to be
/// divided by 2^bitsOverUnit, which may be negative.
public func reciprocal(_ x: Int32, integerBits: Int32) -> (scale: Int32, bitsOverUnit: Int32) {
  let bits = UInt32(bitPattern: x)
  let headroom = Int32(truncatingIfNeeded: bits.leadingZeroBitCount)
  let fraction = (bits &<< UInt32(bitPattern: headroom)) &- (1 &<< 31)
  return (reciprocalOfOnePlus(Int32(bitPattern: fraction)), integerBits &- headroom)
}

/// The hyperbolic tangent of a number with 4 bits before the point, in Q0.31: for a > 0,
/// (1 − e^−2a) / (1 + e^−2a).
public func hyperbolicTangent(_ a: Int32) -> Int32 {
  if a == 0 { return 0 }
  let magnitude = a > 0 ? 0 &- a : a
  // Read with 5 bits before the point, the same bits are twice the number.
  let inverse = twiceReciprocalOfOnePlus(exponentialOfNegative(magnitude, integerBits: 5))
  let result = saturatingShiftLeft(inverse &- (1 &<< 29), by: 2)
  return a > 0 ? result : 0 &- result
}

/// value · 2^shift, saturated to int32.
@inline(__always)
private func saturatingShiftLeft(_ value: Int32, by shift: Int32) -> Int32 {
  let limit = ((1 as Int32) &<< (31 &- shift)) &- 1
  if value > limit { return .max }
  return value < 0 &- limit ? .min : value &<< shift
}
