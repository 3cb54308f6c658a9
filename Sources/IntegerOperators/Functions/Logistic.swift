import CupelFixedPoint

/// 1 / (1 + e^−x).
enum Logistic {
  /// As TensorFlow Lite Micro computes it, on a grid of 1/256 from −128 on; nil on any other.
  static func fixedPoint(_ input: Int32, _ grids: TableFunction.Grids) -> Int8? {
    // Float32 bits of 1/256.
    guard grids.outputScale == 0x3B80_0000, grids.outputZeroPoint == -128 else { return nil }
    return grids.betweenEnds(input, bits: 8, logistic)
  }

  static func real(_ value: SoftReal) -> SoftReal {
    let unit = Int64(1) &<< 31
    let x = value.fixed(27)
    // Beyond 16 it is 0 or 1 to less than 2⁻²⁰.
    if x >= 16 &<< 27 { return SoftReal(unit, exponent: -31) }
    if x <= -16 &<< 27 { return SoftReal(0, exponent: -31) }
    return SoftReal(Int64(logistic(Int32(truncatingIfNeeded: x))), exponent: -31)
  }
}

/// 1 / (1 + e^−a) of a number with 4 bits before the point, in Q0.31. Source: gemmlowp,
/// `fixedpoint.h`.
public func logistic(_ a: Int32) -> Int32 {
  if a == 0 { return 1 &<< 30 }
  let magnitude = a > 0 ? 0 &- a : a
  let ofMagnitude = reciprocalOfOnePlus(exponentialOfNegative(magnitude, integerBits: 4))
  return a > 0 ? ofMagnitude : Int32.max &- ofMagnitude
}
