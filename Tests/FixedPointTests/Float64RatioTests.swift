import CupelFixedPoint
import CupelSupport
import Testing

/// Double arithmetic in integers against the processor's own.
@Suite struct Float64RatioTests {
  private let scales: [Float] = [
    1, 0.5, 3, 0.1, 0.0039215689, 0x1p-127, .leastNonzeroMagnitude, 0x1.fffffep-1, 7.25e11,
    .greatestFiniteMagnitude, 0x1.8p-100,
  ]

  private func value(_ ratio: Float64Ratio) -> Double {
    let magnitude = Double(
      sign: .plus, exponent: Int(ratio.exponent), significand: Double(ratio.significand))
    return ratio.isNegative ? -magnitude : magnitude
  }

  private func check(_ input: Float, _ weight: Float, _ output: Float) -> Float64Ratio {
    let ratio = Float64Ratio(
      input: input.bitPattern, weight: weight.bitPattern, output: output.bitPattern)
    #expect(value(ratio) == Double(input) * Double(weight) / Double(output))
    #expect(ratio.significand == 0 || ratio.significand >> 52 == 1)
    return ratio
  }

  @Test func ratiosOfEdgesAreTheProcessors() {
    for input in scales {
      for weight in scales + scales.map({ -$0 }) + [0] {
        for output in scales { _ = check(input, weight, output) }
      }
    }
  }

  @Test func productsAreTheProcessors() {
    var generator = SeededGenerator(seed: 64)
    for _ in 0..<200_000 {
      let input = Float.random(in: 0.001...1, using: &generator)
      let weight = Float.random(in: -0.1...0.1, using: &generator)
      let output = Float.random(in: 0.001...1, using: &generator)
      let ratio = check(input, weight, output)
      let size = Int32.max >> Int32.random(in: 0..<31, using: &generator)
      let sum = Int32.random(in: -size...size, using: &generator)
      let exact = (Double(sum) * value(ratio)).rounded(.toNearestOrAwayFromZero)
      let expected = exact >= 0x1p31 ? Int32.max : exact < -0x1p31 ? Int32.min : Int32(exact)
      #expect(multiplyFloat64HalfAway(sum, ratio: ratio) == expected)
    }
  }

  @Test func tiesGoAwayFromZero() {
    let half = check(1, 0.5, 1)
    for sum in Int32(-9)...9 {
      let expected = (Double(sum) / 2).rounded(.toNearestOrAwayFromZero)
      #expect(multiplyFloat64HalfAway(sum, ratio: half) == Int32(expected))
    }
    #expect(multiplyFloat64HalfAway(Int32.min, ratio: half) == -(1 << 30))
  }

  /// A product that is not a tie, but so near to one that its double is.
  @Test func theProductIsRoundedFirst() {
    var found = 0
    for weight in 1..<4000 {
      let ratio = check(1, Float(weight), 1.0e9)
      for sum in [Int32.max, Int32.max - 2, 500_000_000, 1_500_000_001] {
        let product = Double(sum) * value(ratio)
        let expected = product.rounded(.toNearestOrAwayFromZero)
        guard abs(expected) < 0x1p31 else { continue }
        found += product - product.rounded(.down) == 0.5 ? 1 : 0
        #expect(multiplyFloat64HalfAway(sum, ratio: ratio) == Int32(expected))
      }
    }
    #expect(found > 0)
  }
}
