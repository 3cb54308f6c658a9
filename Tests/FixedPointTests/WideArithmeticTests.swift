import CupelFixedPoint
import CupelSupport
import Testing

/// Accumulators of 64 bits: against integers of 128 bits, and against the processor's doubles.
@Suite struct WideArithmeticTests {
  @Test func reducedMultipliersRoundOnceHalfUp() {
    var generator = SeededGenerator(seed: 16)
    for _ in 0..<100_000 {
      let value = Int64.random(in: -(1 << 47) + 1..<1 << 47, using: &generator) >> Int64.random(
        in: 0..<47, using: &generator)
      let multiplier = Int32.random(in: 1 << 30...Int32.max, using: &generator)
      let shift = Int32.random(in: -31...7, using: &generator)
      let reduced = multiplier >= 0x7FFF_0000 ? 0x7FFF : (Int128(multiplier) + 0x8000) >> 16
      let total = 15 - Int(shift)
      let exact = (Int128(value) * reduced + 1 << Int128(total - 1)) >> Int128(total)
      let result = multiplyReduced(value, multiplier: multiplier, shift: shift)
      #expect(result == Int32(truncatingIfNeeded: exact))
    }
  }

  /// Worked by hand: 2³⁰ is one half, 2¹⁴ of 2¹⁵; the largest multipliers become 2¹⁵ − 1.
  @Test func workedNumbers() {
    #expect(multiplyReduced(5, multiplier: 1 << 30, shift: 0) == 3)
    #expect(multiplyReduced(-5, multiplier: 1 << 30, shift: 0) == -2)
    #expect(multiplyReduced(1 << 40, multiplier: 1 << 30, shift: -20) == 1 << 19)
    #expect(multiplyReduced(1 << 15, multiplier: .max, shift: 0) == 0x7FFF)
    #expect(multiplyReduced(1 << 15, multiplier: 0x7FFE_8000, shift: 0) == 0x7FFF)
    #expect(multiplyReduced(1 << 15, multiplier: 0x7FFE_7FFF, shift: 0) == 0x7FFE)
  }

  @Test func productsInDoubleAreTheProcessors() {
    var generator = SeededGenerator(seed: 64)
    for _ in 0..<100_000 {
      let scales = (0..<3).map { _ in Float.random(in: 0x1p-14...1, using: &generator) }
      let ratio = Float64Ratio(
        input: scales[0].bitPattern, weight: scales[1].bitPattern, output: scales[2].bitPattern)
      let value = Int64.random(in: -(1 << 47)...1 << 47, using: &generator) >> Int64.random(
        in: 0..<47, using: &generator)
      let exact =
        (Double(value) * (Double(scales[0]) * Double(scales[1]) / Double(scales[2])))
        .rounded(.toNearestOrAwayFromZero)
      let expected = exact >= 0x1p31 ? Int32.max : exact < -0x1p31 ? Int32.min : Int32(exact)
      #expect(multiplyFloat64HalfAway(value, ratio: ratio) == expected)
    }
  }

  /// On what 32 bits hold both forms are one.
  @Test func bothSizesAgree() {
    var generator = SeededGenerator(seed: 3)
    let ratio = Float64Ratio(
      input: Float(0.0123).bitPattern, weight: Float(0.77).bitPattern,
      output: Float(0.00041).bitPattern)
    for _ in 0..<10_000 {
      let value = Int32.random(in: .min ... .max, using: &generator)
      #expect(
        multiplyFloat64HalfAway(Int64(value), ratio: ratio)
          == multiplyFloat64HalfAway(value, ratio: ratio))
    }
  }

  @Test func runtimesDifferInFullyConnectedLayersAlone() {
    for profile in DeploymentProfile.allCases {
      #expect(
        profile.wideMode(.reducedMultiplier, isFullyConnected: false) == .reducedMultiplier)
      #expect(profile.wideMode(.doubleRounding, isFullyConnected: false) == .doubleRounding)
    }
    #expect(
      DeploymentProfile.litertReference.wideMode(.doubleRounding, isFullyConnected: true)
        == .float64HalfAway)
    #expect(
      DeploymentProfile.tflm.wideMode(.float64HalfAway, isFullyConnected: true)
        == .reducedMultiplier)
  }
}
