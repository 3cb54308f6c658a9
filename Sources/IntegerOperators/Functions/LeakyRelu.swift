import CupelFixedPoint

/// x, and slope · x below zero.
enum LeakyRelu {
  /// Two ratios, one for each side of zero, both rounded twice; nil where one is too large. Source:
  /// TensorFlow Lite, `QuantizeLeakyRelu`.
  static func fixedPoint(_ input: Int32, _ grids: TableFunction.Grids, slope: UInt32) -> Int8? {
    // Float32 bits of 1.
    let one: UInt32 = 0x3F80_0000
    guard
      let identity = FloatMultiplier(
        float32Ratio(input: grids.inputScale, weight: one, output: grids.outputScale)),
      let below = FloatMultiplier(
        float32Ratio(input: grids.inputScale, weight: slope, output: grids.outputScale)),
      max(identity.shift, below.shift) < 23
    else { return nil }
    let difference = input &- grids.inputZeroPoint
    let parts = difference >= 0 ? identity : below
    let scaled = multiplyDoubleRounding(difference, multiplier: parts.value, shift: parts.shift)
    return placedOnGrid(scaled, zeroPoint: grids.outputZeroPoint, low: -128, high: 127)
  }

  static func real(_ value: SoftReal, slope: UInt32) -> SoftReal {
    guard value.mantissa < 0 else { return value }
    // Of 32 and 24 bits: eight are given up, 2⁻²³ of the value.
    let factor = SoftReal(slope)
    return SoftReal(
      (value.mantissa &>> 8) &* factor.mantissa, exponent: value.exponent &+ 8 &+ factor.exponent)
  }
}
