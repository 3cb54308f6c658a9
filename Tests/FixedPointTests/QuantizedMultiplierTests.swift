import CupelFixedPoint
import CupelSupport
import Testing

/// The oracles restate the published definitions in wide arithmetic, by another road than the core.
@Suite struct QuantizedMultiplierTests {
  /// gemmlowp's own form: a nudge by sign, then a division towards zero.
  private func highMultiplyOracle(_ a: Int32, _ b: Int32) -> Int32 {
    if a == Int32.min && b == Int32.min { return Int32.max }
    let product = Int64(a) * Int64(b)
    let nudge: Int64 = product >= 0 ? 1 << 30 : 1 - (1 << 30)
    return Int32((product + nudge) / (1 << 31))
  }

  /// Half away from zero, on the magnitude.
  private func divideOracle(_ value: Int32, _ exponent: Int32) -> Int32 {
    let magnitude = Int64(value).magnitude
    let half: UInt64 = exponent == 0 ? 0 : 1 << UInt64(exponent - 1)
    let rounded = Int64((magnitude + half) >> UInt64(exponent))
    return Int32(value < 0 ? -rounded : rounded)
  }

  /// Floor of the exact value plus one half, in 128 bits.
  private func singleOracle(_ value: Int32, _ multiplier: Int32, _ shift: Int32) -> Int128 {
    let doubled = Int128(value) * Int128(multiplier) * 2
    let divisor = Int128(1) << Int128(32 - shift)
    let sum = doubled + divisor / 2
    let quotient = sum / divisor
    return sum % divisor < 0 ? quotient - 1 : quotient
  }

  /// Values that the compiler's overflow proof admits under a shift.
  private func admitted(_ value: Int32, shift: Int32) -> Int32 {
    value >> (max(shift, 0) + (value == Int32.min ? 1 : 0))
  }

  @Test func highMultiplyAgreesOnEveryPairOfEdges() {
    for a in edgeValues {
      for b in edgeValues {
        #expect(saturatingRoundingDoublingHighMultiply(a, b) == highMultiplyOracle(a, b))
      }
    }
  }

  @Test func highMultiplyAgreesOnRandomPairs() {
    var generator = SeededGenerator(seed: 1)
    var mismatches = 0
    for _ in 0..<2_000_000 {
      let (a, b) = (generator.spread(), generator.spread())
      if saturatingRoundingDoublingHighMultiply(a, b) != highMultiplyOracle(a, b) {
        mismatches += 1
      }
    }
    #expect(mismatches == 0)
  }

  @Test func highMultiplySaturatesItsOneOverflow() {
    #expect(saturatingRoundingDoublingHighMultiply(Int32.min, Int32.min) == Int32.max)
    #expect(saturatingRoundingDoublingHighMultiply(Int32.min, Int32.max) == -Int32.max)
  }

  @Test(arguments: Int32(0)...31)
  func divisionRoundsHalfAwayFromZero(exponent: Int32) {
    var generator = SeededGenerator(seed: UInt64(exponent))
    var values = edgeValues + (-4096...4096)
    for _ in 0..<50_000 { values.append(generator.spread()) }
    let mismatches = values.count {
      roundingDivideByPowerOfTwo($0, exponent: exponent) != divideOracle($0, exponent)
    }
    #expect(mismatches == 0)
  }

  @Test(arguments: Int32(-31)...30)
  func bothModesAgreeWithTheirDefinitionAtEveryShift(shift: Int32) {
    var generator = SeededGenerator(seed: UInt64(bitPattern: Int64(shift)))
    var doubles = 0
    var singles = 0
    for step in 0..<60_000 {
      let pick = step < edgeValues.count ? edgeValues[step] : generator.spread()
      let value = admitted(pick, shift: shift)
      var multiplier = generator.spread()
      if step % 3 > 0 { multiplier = (multiplier & 0x3FFF_FFFF) | 0x4000_0000 }
      if step % 3 == 2 { multiplier = -multiplier }
      if multiplier == Int32.min { multiplier += 1 }
      let shifted = Int32(Int64(value) << Int64(max(shift, 0)))
      let expected = divideOracle(highMultiplyOracle(shifted, multiplier), max(-shift, 0))
      if multiplyDoubleRounding(value, multiplier: multiplier, shift: shift) != expected {
        doubles += 1
      }
      let single = multiplySingleRounding(value, multiplier: multiplier, shift: shift)
      if Int128(single) != singleOracle(value, multiplier, shift) { singles += 1 }
    }
    #expect(doubles == 0)
    #expect(singles == 0)
  }

  /// The two modes differ on ties that rounding twice makes or moves: worked by hand.
  @Test func theTwoModesDifferWhereTheyShould() {
    // −5 · 0.5 · 2⁻¹ = −1.25: high multiply −2.5 → −2, then −1.
    #expect(multiplyDoubleRounding(-5, multiplier: 1 << 30, shift: -1) == -1)
    #expect(multiplySingleRounding(-5, multiplier: 1 << 30, shift: -1) == -1)
    // −6 · 0.5 · 2⁻¹ = −1.5: away from zero against up.
    #expect(multiplyDoubleRounding(-6, multiplier: 1 << 30, shift: -1) == -2)
    #expect(multiplySingleRounding(-6, multiplier: 1 << 30, shift: -1) == -1)
    // 5 · 0.5 · 2⁻¹ = 1.25: 2.5 → 3, then 1.5 → 2; in one rounding 1.
    #expect(multiplyDoubleRounding(5, multiplier: 1 << 30, shift: -1) == 2)
    #expect(multiplySingleRounding(5, multiplier: 1 << 30, shift: -1) == 1)
  }
}
