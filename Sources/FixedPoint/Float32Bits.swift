// IEEE 754 binary32 arithmetic on bit patterns, in integers only: what predicts runtimes that
// scale their accumulators in float, on machines with no floating point unit.

/// The bits of the float32 nearest to `value`, ties to even.
@inlinable @inline(__always)
public func float32Bits(of value: Int32) -> UInt32 {
  if value == 0 { return 0 }
  let sign = UInt32(bitPattern: value) & 0x8000_0000
  let magnitude = value.magnitude
  let leading = UInt32(truncatingIfNeeded: magnitude.leadingZeroBitCount)
  // The top bit is set: 24 bits are kept and 8 are rounded off.
  let normalized = magnitude &<< leading
  let kept = normalized &>> 8
  let carry = ((normalized & 0xFF) &+ 0x7F &+ (kept & 1)) &>> 8
  // The significand's hidden bit adds the missing one to the exponent, and a carry out of the
  // rounding one more.
  return sign | (((157 &- leading) &<< 23) &+ kept &+ carry)
}

/// The bits of a · b in float32, ties to even, with subnormal operands and results, signed zeros
/// and overflow to infinity as the standard has them; an invalid product is the quiet NaN
/// 0x7FC0_0000. Not inlined: firmware is to have it once.
@inlinable @inline(never)
public func float32Product(_ a: UInt32, _ b: UInt32) -> UInt32 { inlinedProduct(a, b) }

/// The same for loops over accumulators.
@inlinable @inline(__always)
func inlinedProduct(_ a: UInt32, _ b: UInt32) -> UInt32 {
  let sign = (a ^ b) & 0x8000_0000
  let magnitudeA = a & 0x7FFF_FFFF
  let magnitudeB = b & 0x7FFF_FFFF
  if magnitudeA >= 0x7F80_0000 || magnitudeB >= 0x7F80_0000 {
    let invalid =
      magnitudeA > 0x7F80_0000 || magnitudeB > 0x7F80_0000 || magnitudeA == 0 || magnitudeB == 0
    return invalid ? 0x7FC0_0000 : sign | 0x7F80_0000
  }
  if magnitudeA == 0 || magnitudeB == 0 { return sign }
  let (significandA, exponentA) = float32Normalized(magnitudeA)
  let (significandB, exponentB) = float32Normalized(magnitudeB)
  // In [2⁴⁶, 2⁴⁸), moved up so that its top bit is bit 47.
  var product = UInt64(significandA) &* UInt64(significandB)
  let low = 1 &- Int32(truncatingIfNeeded: product &>> 47)
  product = product &<< UInt64(truncatingIfNeeded: low)
  let exponent = exponentA &+ exponentB &- 126 &- low
  return sign | float32Rounded(product, exponent: exponent)
}

/// The bits of a / b in float32, ties to even, under the same rules as `float32Product`; a quotient
/// by zero is infinite. Not inlined, as above.
@inlinable @inline(never)
public func float32Quotient(_ a: UInt32, _ b: UInt32) -> UInt32 {
  let sign = (a ^ b) & 0x8000_0000
  let magnitudeA = a & 0x7FFF_FFFF
  let magnitudeB = b & 0x7FFF_FFFF
  let infinity: UInt32 = 0x7F80_0000
  if magnitudeA >= infinity || magnitudeB >= infinity {
    let invalid = magnitudeA > infinity || magnitudeB > infinity || magnitudeA == magnitudeB
    if invalid { return 0x7FC0_0000 }
    return magnitudeA == infinity ? sign | infinity : sign
  }
  if magnitudeB == 0 { return magnitudeA == 0 ? 0x7FC0_0000 : sign | infinity }
  if magnitudeA == 0 { return sign }
  let (significandA, exponentA) = float32Normalized(magnitudeA)
  let (significandB, exponentB) = float32Normalized(magnitudeB)
  // At least 1, so that the first digit of the quotient is 1.
  let isLess = significandA < significandB
  var rest = isLess ? significandA &<< 1 : significandA
  // 26 digits, one by one: small machines have no division of this width. The first is 1, so that
  // the 26th makes the quotient reach 2²⁵; a loop with a count would be unrolled.
  var quotient: UInt64 = 0
  repeat {
    let digit: UInt32 = rest >= significandB ? 1 : 0
    quotient = quotient &<< 1 | UInt64(digit)
    rest = (rest &- digit &* significandB) &<< 1
  } while quotient < 1 &<< 25
  // The first digit to bit 47, and whether anything is left to the lowest.
  let digits = quotient &<< 22 | (rest == 0 ? 0 : 1)
  return sign | float32Rounded(digits, exponent: exponentA &- exponentB &+ 127 &- (isLess ? 1 : 0))
}

/// The bits of a · b + c in float32, rounded once, ties to even, under the same rules as
/// `float32Product`; a sum of zero is +0. Not inlined: firmware is to have it once.
@inlinable @inline(never)
public func float32MultiplyAdd(_ a: UInt32, _ b: UInt32, _ c: UInt32) -> UInt32 {
  let sign = (a ^ b) & 0x8000_0000
  let (magnitudeA, magnitudeB) = (a & 0x7FFF_FFFF, b & 0x7FFF_FFFF)
  let magnitudeC = c & 0x7FFF_FFFF
  let infinity: UInt32 = 0x7F80_0000
  if magnitudeA >= infinity || magnitudeB >= infinity || magnitudeC >= infinity {
    let product = float32Product(a, b)
    if product & 0x7FFF_FFFF > infinity || magnitudeC > infinity { return 0x7FC0_0000 }
    if product & 0x7FFF_FFFF < infinity || magnitudeA < infinity && magnitudeB < infinity {
      return c
    }
    return magnitudeC == infinity && c != product ? 0x7FC0_0000 : product
  }
  if magnitudeA == 0 || magnitudeB == 0 { return magnitudeC == 0 ? 0 : c }
  if magnitudeC == 0 { return float32Product(a, b) }
  let (significandA, exponentA) = float32Normalized(magnitudeA)
  let (significandB, exponentB) = float32Normalized(magnitudeB)
  let (significandC, exponentC) = float32Normalized(magnitudeC)
  // Both with their top bit at 60 or 61, so that the sum fits, as value · 2^(exponent − 150): the
  // product's lowest bit is at 14 and c's at 38.
  var product = (UInt64(significandA) &* UInt64(significandB)) &<< 14
  var addend = UInt64(significandC) &<< 38
  var exponent = exponentA &+ exponentB &- 164
  let distance = exponent &- (exponentC &- 38)
  if distance >= 0 {
    addend = float32Shifted(addend, right: distance)
  } else {
    product = float32Shifted(product, right: 0 &- distance)
    exponent = exponentC &- 38
  }
  let isSum = sign == c & 0x8000_0000
  let isNegative = isSum || product >= addend ? sign : sign ^ 0x8000_0000
  let sum =
    isSum ? product &+ addend : product >= addend ? product &- addend : addend &- product
  if sum == 0 { return 0 }
  let top = 63 &- Int32(truncatingIfNeeded: sum.leadingZeroBitCount)
  let placed =
    top > 47
    ? float32Shifted(sum, right: top &- 47)
    : sum &<< UInt64(truncatingIfNeeded: 47 &- top)
  return isNegative | float32Rounded(placed, exponent: exponent &+ top &- 23)
}

/// The bits of a + b in float32, under the same rules.
@inlinable @inline(__always)
public func float32Sum(_ a: UInt32, _ b: UInt32) -> UInt32 {
  float32MultiplyAdd(a, 0x3F80_0000, b)
}

/// `value` shifted to the right, its lowest bit set where anything was lost.
@inlinable @inline(__always)
func float32Shifted(_ value: UInt64, right distance: Int32) -> UInt64 {
  if distance >= 64 { return value == 0 ? 0 : 1 }
  let places = UInt64(truncatingIfNeeded: distance)
  let kept = value &>> places
  return kept &<< places == value ? kept : kept | 1
}

/// The bits of s_in · s_w / s_out, the factor from an accumulator to the output's grid, in float32
/// arithmetic from left to right, as runtimes that scale in float compute it (XNNPACK, ONNX
/// Runtime). Not inlined: it is called once a channel, and firmware is to have it once.
@inlinable @inline(never)
public func float32Ratio(input: UInt32, weight: UInt32, output: UInt32) -> UInt32 {
  float32Quotient(float32Product(input, weight), output)
}

/// A finite magnitude other than zero as significand · 2^(exponent − 150), the significand's top
/// bit being bit 23: subnormal numbers get an exponent of zero or less.
@inlinable @inline(__always)
func float32Normalized(_ magnitude: UInt32) -> (significand: UInt32, exponent: Int32) {
  let exponent = Int32(bitPattern: magnitude &>> 23)
  if exponent > 0 { return ((magnitude & 0x7F_FFFF) | 0x80_0000, exponent) }
  let missing = Int32(truncatingIfNeeded: magnitude.leadingZeroBitCount) &- 8
  return (magnitude &<< UInt32(bitPattern: missing), 1 &- missing)
}

/// Bits of the float32 nearest to a number with its top bit at 47 and the given biased exponent,
/// ties to even, sign left out.
@inlinable @inline(__always)
func float32Rounded(_ product: UInt64, exponent: Int32) -> UInt32 {
  if exponent >= 255 { return 0x7F80_0000 }
  // A subnormal result drops more bits; from 25 more on it is less than half the least one.
  let extra = exponent > 0 ? 0 : min(1 &- exponent, 25)
  let drop = UInt64(truncatingIfNeeded: 24 &+ extra)
  let odd = (product &>> drop) & 1
  let half = (1 as UInt64) &<< (drop &- 1)
  let significand = UInt32(truncatingIfNeeded: (product &+ half &- 1 &+ odd) &>> drop)
  // As above, the hidden bit (or the carry that makes a subnormal normal) lands in the exponent,
  // and a carry at exponent 254 gives the bits of infinity.
  return (UInt32(bitPattern: max(exponent, 1) &- 1) &<< 23) &+ significand
}

/// The integer nearest to a float32 given as bits, ties to even, saturated to int32; 0 for a NaN.
@inlinable @inline(__always)
public func int32(roundingFloat32 bits: UInt32) -> Int32 {
  let magnitude = bits & 0x7FFF_FFFF
  let negative = bits &>> 31 == 1
  if magnitude < 0x3F00_0000 { return 0 }  // below one half
  if magnitude >= 0x4F00_0000 {  // 2³¹ and above
    if magnitude > 0x7F80_0000 { return 0 }
    return negative ? Int32.min : Int32.max
  }
  let exponent = magnitude &>> 23
  let significand = (magnitude & 0x7F_FFFF) | 0x80_0000
  var result: UInt32
  if exponent >= 150 {
    result = significand &<< (exponent &- 150)
  } else {
    let drop = 150 &- exponent
    let odd = (significand &>> drop) & 1
    result = (significand &+ ((1 &<< (drop &- 1)) &- 1) &+ odd) &>> drop
  }
  if negative { result = 0 &- result }
  return Int32(bitPattern: result)
}

/// `value` converted to float32, times the float32 with these bits, rounded to an integer: three
/// roundings, each to nearest with ties to even, saturated to int32.
///
/// Source: XNNPACK's `fp32` requantization. It clamps between the product and the last rounding;
/// clamping to integer bounds afterwards gives the same number.
@inlinable @inline(__always)
public func multiplyFloat32HalfEven(_ value: Int32, ratioBits: UInt32) -> Int32 {
  int32(roundingFloat32: inlinedProduct(float32Bits(of: value), ratioBits))
}
