import CupelFixedPoint
import CupelSupport
import Testing

/// The oracle is the processor's own float32 arithmetic.
@Suite struct Float32BitsTests {
  private static let specials: [UInt32] = {
    var bits: [UInt32] = [0, 1, 2, 3, 0x7F_FFFF, 0x80_0000, 0x80_0001, 0xFF_FFFF, 0x3F80_0000]
    bits += [0x3F7F_FFFF, 0x3F00_0000, 0x3EFF_FFFF, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001]
    bits += [0x7FC0_0000, 0x4EFF_FFFF, 0x4F00_0000, 0x4B00_0000, 0x4B00_0001, 0x0040_0000]
    for exponent in UInt32(0)..<255 {
      bits += [exponent << 23, exponent << 23 | 0x7F_FFFF, exponent << 23 | 0x40_0001]
    }
    return bits + bits.map { $0 | 0x8000_0000 }
  }()

  /// Products and quotients.
  private func expectSame(_ pairs: some Sequence<(UInt32, UInt32)>) {
    var mismatches = 0
    func compare(_ bits: UInt32, _ expected: Float) {
      let same = expected.isNaN ? bits == 0x7FC0_0000 : bits == expected.bitPattern
      if !same { mismatches += 1 }
    }
    for (a, b) in pairs {
      compare(float32Product(a, b), Float(bitPattern: a) * Float(bitPattern: b))
      compare(float32Quotient(a, b), Float(bitPattern: a) / Float(bitPattern: b))
    }
    #expect(mismatches == 0)
  }

  @Test func conversionAgreesOnEdgesAndTies() {
    var generator = SeededGenerator(seed: 7)
    var mismatches = 0
    for step in 0..<4_000_000 {
      let value = step < edgeValues.count ? edgeValues[step] : generator.spread()
      if float32Bits(of: value) != Float(value).bitPattern { mismatches += 1 }
    }
    // Every pattern of the dropped bits, kept part odd and even, at each length.
    for top in 24..<31 {
      for low in 0..<1024 {
        let value = Int32((1 << top) + low)
        if float32Bits(of: value) != Float(value).bitPattern { mismatches += 1 }
        if float32Bits(of: -value) != Float(-value).bitPattern { mismatches += 1 }
      }
    }
    #expect(mismatches == 0)
  }

  @Test func productsAndQuotientsOfSpecialsAgree() {
    expectSame(Self.specials.lazy.flatMap { a in Self.specials.lazy.map { (a, $0) } })
  }

  @Test func productsAndQuotientsOfRandomBitsAgree() {
    var generator = SeededGenerator(seed: 11)
    let pairs = (0..<4_000_000).lazy.map { _ in
      let bits = generator.next()
      return (UInt32(truncatingIfNeeded: bits), UInt32(truncatingIfNeeded: bits >> 32))
    }
    expectSame(pairs)
  }

  /// Exponents that meet near the least normal number, where results are subnormal.
  @Test func productsAndQuotientsNearUnderflowAgree() {
    var generator = SeededGenerator(seed: 13)
    let pairs = (0..<2_000_000).lazy.map { _ in
      let bits = generator.next()
      let exponent = UInt32(truncatingIfNeeded: bits >> 48) % 127
      let partner = UInt32(127 - exponent) &+ UInt32(truncatingIfNeeded: bits >> 58) &- 40
      let a = exponent << 23 | UInt32(truncatingIfNeeded: bits) & 0x807F_FFFF
      return (a, (partner & 0x7F) << 23 | UInt32(truncatingIfNeeded: bits >> 20) & 0x7F_FFFF)
    }
    expectSame(pairs)
  }

  @Test func roundingToIntegersAgrees() {
    var generator = SeededGenerator(seed: 17)
    var mismatches = 0
    for step in 0..<4_000_000 {
      var bits = UInt32(truncatingIfNeeded: generator.next())
      if step < Self.specials.count {
        bits = Self.specials[step]
      } else if step % 2 == 0 {
        // Quarters: every second one is a tie or an integer.
        bits = (Float(generator.spread() >> 8) / 4).bitPattern
      }
      if int32(roundingFloat32: bits) != roundingOracle(Float(bitPattern: bits)) {
        mismatches += 1
      }
    }
    #expect(mismatches == 0)
  }

  private func roundingOracle(_ value: Float) -> Int32 {
    if value.isNaN { return 0 }
    let rounded = value.rounded(.toNearestOrEven)
    if rounded >= 2_147_483_648 { return Int32.max }
    return rounded <= -2_147_483_648 ? Int32.min : Int32(rounded)
  }

  /// XNNPACK's order of steps: convert, scale, clamp in float, round, add the zero point.
  @Test func requantizationAgreesWithFloatArithmetic() {
    var generator = SeededGenerator(seed: 19)
    var mismatches = 0
    for _ in 0..<2_000_000 {
      let accumulator = generator.spread() >> 4
      var ratio = Float(Int32(truncatingIfNeeded: generator.next()) >> 6) / 0x1p31
      if ratio == 0 { ratio = 0x1p-20 }
      let zeroPoint = Int32(truncatingIfNeeded: generator.next() & 0xFF) - 128
      let clampedFloat = min(
        max(Float(accumulator) * ratio, Float(-128 - zeroPoint)), Float(127 - zeroPoint))
      let expected = Int32(clampedFloat.rounded(.toNearestOrEven)) + zeroPoint
      let scaled = multiplyFloat32HalfEven(accumulator, ratioBits: ratio.bitPattern)
      let result: Int8 = placedOnGrid(scaled, zeroPoint: zeroPoint, low: -128, high: 127)
      if Int32(result) != expected { mismatches += 1 }
    }
    #expect(mismatches == 0)
  }
}
