import CupelFixedPoint

/// tanh x.
enum HyperbolicTangent {
  /// As TensorFlow Lite Micro computes it, on a grid of 1/128 around 0; nil on any other.
  static func fixedPoint(_ input: Int32, _ grids: TableFunction.Grids) -> Int8? {
    // Float32 bits of 1/128.
    guard grids.outputScale == 0x3C00_0000, grids.outputZeroPoint == 0 else { return nil }
    return grids.betweenEnds(input, bits: 7, hyperbolicTangent)
  }

  static func real(_ value: SoftReal) -> SoftReal {
    let unit = Int64(1) &<< 31
    let x = value.fixed(27)
    // Beyond 16 it is −1 or 1 to less than 2⁻²⁰.
    if x >= 16 &<< 27 { return SoftReal(unit, exponent: -31) }
    if x <= -16 &<< 27 { return SoftReal(0 &- unit, exponent: -31) }
    return SoftReal(Int64(hyperbolicTangent(Int32(truncatingIfNeeded: x))), exponent: -31)
  }
}

extension TableFunction.Grids {
  /// A function between two ends, in fixed point: the input is brought to Q4.27, and the function's
  /// value in Q0.31 to `bits` bits behind the point.
  func betweenEnds(_ input: Int32, bits: Int32, _ function: (Int32) -> Int32) -> Int8 {
    let difference = input &- inputZeroPoint
    func placed(_ value: Int32) -> Int8 {
      saturatedToInt8(roundingDivideByPowerOfTwo(value, exponent: 31 &- bits) &+ outputZeroPoint)
    }
    guard let parts = FloatMultiplier(inputScale, timesPowerOfTwo: 27) else {
      // So coarse that every input but zero is beyond the ends.
      return difference < 0 ? -128 : difference > 0 ? 127 : placed(function(0))
    }
    // Beyond this an input would leave Q4.27.
    let radius = parts.shift >= 0 ? (15 &<< 27) &>> parts.shift : Int32.max
    if difference <= 0 &- radius { return -128 }
    if difference >= radius { return 127 }
    return placed(
      function(multiplyDoubleRounding(difference, multiplier: parts.value, shift: parts.shift)))
  }
}
