import CupelIntegerOperators
import CupelSupport
import Testing

/// XNNPACK's forms against its source's formulas in the processor's float32 arithmetic.
@Suite struct XnnpackFormsTests {
  private func scale(
    _ exponents: ClosedRange<Double>, using generator: inout SeededGenerator
  ) -> Float {
    Float(Double.random(in: 1..<2, using: &generator))
      * Float(sign: .plus, exponent: Int(exponents.lowerBound), significand: 1)
      * Float(
        sign: .plus,
        exponent: Int.random(
          in: 0...Int(exponents.upperBound - exponents.lowerBound), using: &generator),
        significand: 1)
  }

  /// Multipliers are the ratios times the power of two that brings the larger to 2²⁰ ..< 2²¹, to
  /// nearest, ties to even.
  @Test func sums() throws {
    var generator = SeededGenerator(seed: 31)
    var refused = 0
    for _ in 0..<20_000 {
      let (first, second, output) = (
        scale(-12...4, using: &generator), scale(-12...4, using: &generator),
        scale(-9...0, using: &generator)
      )
      let ratios = [first / output, second / output]
      let form = XnnpackSum(
        first: first.bitPattern, second: second.bitPattern, output: output.bitPattern)
      guard ratios.allSatisfy({ $0 >= 0x1p-10 && $0 < 0x1p8 }) else {
        refused += 1
        #expect(form == nil)
        continue
      }
      let own = try #require(form)
      let shift = 20 - Int(max(ratios[0], ratios[1]).exponent)
      let multipliers = ratios.map { ($0 * Float(1 << shift)).rounded(.toNearestOrEven) }
      #expect([Float(own.first), Float(own.second)] == multipliers)
      #expect(Int(own.shift) == shift)
      #expect((1 << 20...1 << 21).contains(max(own.first, own.second)))
    }
    #expect((1_000..<15_000).contains(refused))
  }

  /// The limits themselves: 2⁻¹⁰ is taken, 2⁸ is not; of requantizations both 2⁻⁸ and 2⁷ are.
  @Test func limits() {
    func sum(_ ratio: Float) -> Bool {
      XnnpackSum(
        first: ratio.bitPattern, second: Float(1).bitPattern, output: Float(1).bitPattern) != nil
    }
    #expect(sum(0x1p-10) && !sum((0x1p-10 as Float).nextDown))
    #expect(!sum(0x1p8) && sum((0x1p8 as Float).nextDown))
    func requantization(_ ratio: Float) -> Int32? {
      XnnpackRequantization(input: ratio.bitPattern, output: Float(1).bitPattern)?.multiplier
    }
    #expect(requantization(0x1p-8) == 1 && requantization((0x1p-8 as Float).nextDown) == nil)
    #expect(requantization(0x1p7) == 1 << 15 && requantization((0x1p7 as Float).nextUp) == nil)
    // 2.5 and 3.5 parts of 256 go to even.
    #expect(requantization(2.5 / 256) == 2 && requantization(3.5 / 256) == 4)
  }
}
