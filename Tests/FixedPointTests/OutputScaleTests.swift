import CupelFixedPoint
import TestSupport
import Testing

@Suite struct OutputScaleTests {
  private func ratio64(_ ratio: Float) -> Float64Ratio {
    let one = (1 as Float).bitPattern
    return Float64Ratio(input: one, weight: ratio.bitPattern, output: one)
  }

  /// 100 · 0.125: a tie that each mode settles in its own way.
  @Test func eachModeSettlesATieItsOwnWay() {
    let scale = OutputScale(
      multiplier: 1 << 30, shift: -2, ratioBits: (0.125 as Float).bitPattern,
      ratio64: ratio64(0.125))
    #expect(scale.apply(to: 100, rounding: .doubleRounding) == 13)
    #expect(scale.apply(to: 100, rounding: .singleRounding) == 13)
    #expect(scale.apply(to: 100, rounding: .float32HalfEven) == 12)
    #expect(scale.apply(to: 100, rounding: .float64HalfAway) == 13)
    #expect(scale.apply(to: -100, rounding: .float64HalfAway) == -13)
    #expect(scale.apply(to: -100, rounding: .doubleRounding) == -13)
    #expect(scale.apply(to: -100, rounding: .singleRounding) == -12)
    #expect(scale.apply(to: -100, rounding: .float32HalfEven) == -12)
  }

  /// Negative ratios come from BatchNorm factors below zero.
  @Test func negativeRatiosAreAllowedInEveryMode() {
    let scale = OutputScale(
      multiplier: -(3 << 29), shift: 0, ratioBits: (-0.75 as Float).bitPattern,
      ratio64: ratio64(-0.75))
    for mode in RoundingMode.scalings {
      #expect(scale.apply(to: 1000, rounding: mode) == -750)
      #expect(scale.apply(to: -1000, rounding: mode) == 750)
      #expect(scale.apply(to: 0, rounding: mode) == 0)
    }
  }
}
