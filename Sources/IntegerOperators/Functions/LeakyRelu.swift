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

  /// Two multipliers that count 256ths, ties towards +∞; nil where a ratio of the scales is one
  /// that LiteRT does not hand to XNNPACK.
  static func xnnpack(_ input: Int32, _ grids: TableFunction.Grids, slope: UInt32) -> Int8? {
    let ratio = float32Quotient(grids.inputScale, grids.outputScale)
    let below = float32Product(ratio, slope)
    // Float32 bits of 2⁻⁸ and 2⁷; −127.99609375 is the least ratio below zero.
    let magnitudes: ClosedRange<UInt32> = 0x3B80_0000...0x4300_0000
    let isNormal = (1...0xFE).contains(slope &>> 23 & 0xFF)
    guard isNormal, magnitudes.contains(ratio), magnitudes.contains(below & 0x7FFF_FFFF),
      below &>> 31 == 0 || below <= 0xC2FF_FE00
    else { return nil }
    let difference = input &- grids.inputZeroPoint
    let form = XnnpackRequantization(ratio: difference > 0 ? ratio : below)
    return placedOnGrid(
      form.scaled(difference), zeroPoint: grids.outputZeroPoint, low: -128, high: 127)
  }

  static func real(_ value: SoftReal, slope: UInt32) -> SoftReal {
    guard value.mantissa < 0 else { return value }
    // Of 32 and 24 bits: eight are given up, 2⁻²³ of the value.
    let factor = SoftReal(slope)
    return SoftReal(
      (value.mantissa &>> 8) &* factor.mantissa, exponent: value.exponent &+ 8 &+ factor.exponent)
  }
}

/// The function on 16 bits: one ratio above zero and another below.
struct SidedFunction: Sendable {
  private let above, below: FloatMultiplier

  /// - Parameters: scales and the slope, as float32 bits.
  /// - Returns: nil where a ratio is too large.
  init?(input: UInt32, output: UInt32, slope: UInt32) {
    // Float32 bits of 1.
    let one: UInt32 = 0x3F80_0000
    guard
      let above = FloatMultiplier(float32Ratio(input: input, weight: one, output: output)),
      let below = FloatMultiplier(float32Ratio(input: input, weight: slope, output: output)),
      max(above.shift, below.shift) < 15
    else { return nil }
    (self.above, self.below) = (above, below)
  }

  @inline(__always)
  func value(_ input: Int16) -> Int16 {
    let value = Int32(input)
    let parts = value >= 0 ? above : below
    return saturatedToInt16(
      multiplyDoubleRounding(value, multiplier: parts.value, shift: parts.shift))
  }
}
