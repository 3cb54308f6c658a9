import CupelFixedPoint

/// x · min(max(x + 3, 0), 6) / 6.
enum HardSwish {
  /// In 16-bit fixed point; nil where the output's scale is too small for the input's. Source:
  /// TensorFlow Lite, `HardSwish`.
  static func fixedPoint(_ input: Int32, _ grids: TableFunction.Grids) -> Int8? {
    // Float32 bits of 1/128, and of 3/32768, the unit on which 3 is 2¹⁵.
    let (fine, threeUnit): (UInt32, UInt32) = (0x3C00_0000, 0x38C0_0000)
    guard
      let outward = FloatMultiplier(
        float32Ratio(input: fine, weight: grids.inputScale, output: grids.outputScale)),
      outward.shift <= 0,
      let inward = FloatMultiplier(
        float32Ratio(input: fine, weight: grids.inputScale, output: threeUnit)),
      inward.shift <= 16
    else { return nil }
    let value = (input &- grids.inputZeroPoint) &<< 7
    let scaled = high(value, narrowed(outward.value))
    var share = value
    if inward.shift > 0 { share = saturated(Int64(share) &<< Int64(inward.shift &- 1)) }
    share = high(share, narrowed(inward.value))
    if inward.shift > 0 { share = saturated(Int64(share) &<< 1) }
    if inward.shift < 0 {
      share = roundingDivideByPowerOfTwo(share, exponent: 0 &- inward.shift)
    }
    // From −1 ... 1 to 0 ... 1.
    share = (share &+ 1 &<< 15) &>> 1
    let product = share &* scaled / (1 &<< 15)
    let result = roundingDivideByPowerOfTwo(product, exponent: 0 &- outward.shift)
    return saturatedToInt8(result &+ grids.outputZeroPoint)
  }

  /// A Q31 multiplier as Q15, at most 2¹⁵ − 1.
  private static func narrowed(_ multiplier: Int32) -> Int32 {
    saturated((Int64(multiplier) &+ 1 &<< 15) &>> 16)
  }

  private static func saturated(_ value: Int64) -> Int32 {
    Int32(truncatingIfNeeded: min(max(value, -32768), 32767))
  }

  /// ⌊a · b / 2¹⁵ + ½⌋, saturated.
  private static func high(_ a: Int32, _ b: Int32) -> Int32 {
    saturated((Int64(a) &* Int64(b) &+ 1 &<< 14) &>> 15)
  }

  static func real(_ value: SoftReal) -> SoftReal {
    let x = value.fixed(28)
    let three = Int64(3) &<< 28
    if x >= three { return value }
    if x <= 0 &- three { return SoftReal(0, exponent: 0) }
    // x · (x + 3) below 2⁶¹, then a sixth, 2³² / 6 rounded.
    let product = (x &* (x &+ three)) &>> 28
    return SoftReal((product &* 715_827_883) &>> 32, exponent: -28)
  }
}
