import CupelFixedPoint
import Foundation
import Testing

/// The functions of softmax and tanh against the processor's own, within what their few terms
/// can give; that they are gemmlowp's to the bit is told by LiteRT's outputs, in ModelImport's
/// tests.
@Suite struct FixedPointFunctionTests {
  private func real(_ value: Int32, fractionBits: Int) -> Double {
    Double(value) / Double(1 << fractionBits)
  }

  @Test(arguments: [Int32(4), 5])
  func exponential(integerBits: Int32) {
    let fractionBits = 31 - Int(integerBits)
    #expect(exponentialOfNegative(0, integerBits: integerBits) == .max)
    var previous: Int32 = -1
    for step in 0...20_000 {
      let a = Int32(-20_000 + step) * Int32((1 << 31) / 20_001 / 2) * 2
      let result = exponentialOfNegative(a, integerBits: integerBits)
      let expected = exp(real(a, fractionBits: fractionBits))
      #expect(abs(real(result, fractionBits: 31) - expected) < 1e-6)
      #expect(result >= previous - 8)
      previous = result
    }
  }

  @Test func reciprocalOfSums() {
    for step in 0...10_000 {
      let a = Int32(Int64(step) * Int64(Int32.max) / 10_000)
      let expected = 1 / (1 + real(a, fractionBits: 31))
      #expect(abs(real(reciprocalOfOnePlus(a), fractionBits: 31) - expected) < 1e-8)
    }
    // 1 / x with 12 bits before the point.
    for x: Int32 in [1, 2, 3, 1 << 19, (1 << 19) + 1, 77 << 19, .max] {
      let (scale, bits) = reciprocal(x, integerBits: 12)
      let result = real(scale, fractionBits: 31) / pow(2, Double(bits))
      #expect(abs(result * real(x, fractionBits: 19) - 1) < 1e-7)
    }
  }

  @Test func hyperbolicTangentIsOdd() {
    #expect(hyperbolicTangent(0) == 0)
    for step in 1...10_000 {
      let a = Int32(step) * Int32((1 << 31) / 10_001)
      let expected = tanh(real(a, fractionBits: 27))
      #expect(abs(real(hyperbolicTangent(a), fractionBits: 31) - expected) < 1e-6)
      #expect(hyperbolicTangent(a) == -hyperbolicTangent(-a))
    }
  }
}
