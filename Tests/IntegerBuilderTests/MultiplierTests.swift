import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport
import Testing

@Suite("Q31 multipliers")
struct MultiplierTests {
  /// The arrays of TensorFlow Lite's own test of `QuantizeMultiplier`
  /// (quantization_util_test.cc, QuantizeMultiplierArray).
  @Test("TensorFlow Lite's examples")
  func tensorFlowLite() {
    let ratios = [-4, -2, -1, -0.5, -0.25, -0.125, 0, 0.125, 0.25, 0.5, 1, 2, 4]
    let shifts: [Int32] = [3, 2, 1, 0, -1, -2, 0, -2, -1, 0, 1, 2, 3]
    for (ratio, shift) in zip(ratios, shifts) {
      let value: Int32 = ratio == 0 ? 0 : ratio < 0 ? -1_073_741_824 : 1_073_741_824
      let multiplier = Multiplier(ratio)
      #expect(multiplier?.value == value && multiplier?.shift == shift)
    }
  }

  @Test(
    "ratios worked out by hand",
    arguments: [
      // 0.8 · 2³¹ = 1717986918.4
      (0.1, 1_717_986_918, -3),
      // ⅔ · 2³¹ = 1431655765.33
      (1.0 / 3, 1_431_655_765, -1), (-1.0 / 3, -1_431_655_765, -1),
      // 0.75 · 2³¹
      (3, 1_610_612_736, 2), (0.75 * 0x1p-31, 1_610_612_736, -31),
      // Ties go away from zero: (2³⁰ + ½) / 2³¹.
      (0x1.00000002p-1, 1_073_741_825, 0), (-0x1.00000002p-1, -1_073_741_825, 0),
      // A mantissa that rounds up to 2³¹ becomes 2³⁰ with one shift more.
      (1 - 0x1p-40, 1_073_741_824, 1), (0x1.fffffffffp28, 1_073_741_824, 30),
      (0x1p29, 1_073_741_824, 30), (0x1p-32, 1_073_741_824, -31),
    ] as [(Double, Int32, Int32)])
  func worked(ratio: Double, value: Int32, shift: Int32) {
    let multiplier = Multiplier(ratio)
    #expect(multiplier?.value == value)
    #expect(multiplier?.shift == shift)
  }

  @Test("what is too small to matter becomes zero, what is too large nothing")
  func limits() {
    for ratio in [0, -0.0, 0x1.fffp-33, -0x1.fffp-33, 0x1p-100, .leastNonzeroMagnitude] {
      let multiplier = Multiplier(ratio)
      #expect(multiplier?.value == 0 && multiplier?.shift == 0)
    }
    for ratio in [0x1p30, -0x1p30, 0x1.ffffffffffp29, 1e300, .infinity, -.infinity, .nan] {
      #expect(Multiplier(ratio) == nil)
    }
    // Ratios just under 2⁻³² round up to it.
    let least = Multiplier(0x1.ffffffffffp-33)
    #expect(least?.value == 1 << 30 && least?.shift == -31)
  }

  @Test("a multiplier is the nearest of its kind")
  func nearest() throws {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20_000 {
      let bits = generator.next()
      let exponent = UInt64(generator.integer(in: 1023 - 31...1023 + 28))
      let ratio = Double(bitPattern: bits & (1 << 63 | (1 << 52 - 1)) | exponent << 52)
      let multiplier = try #require(Multiplier(ratio))
      #expect((1 << 30..<1 << 31).contains(abs(Int(multiplier.value))))
      #expect((-31...30).contains(multiplier.shift))
      // Both are exact: a change of the exponent, and a difference of neighbours.
      let scaled = ratio * Double(sign: .plus, exponent: 31 - Int(multiplier.shift), significand: 1)
      #expect(abs(scaled - Double(multiplier.value)) <= 0.5)
    }
  }
}
