import CupelModelFormat
import Testing

/// The integer comparison of a ratio with its multiplier and shift, against arithmetic in double,
/// which holds both exactly.
@Suite struct FloatBitsTests {
  private func agrees(_ ratio: Float, _ multiplier: Int32, _ shift: Int32) -> Bool {
    FloatBits(ratio.bitPattern).agrees(multiplier: multiplier, shift: shift)
  }

  private func expected(_ ratio: Float, _ multiplier: Int32, _ shift: Int32) -> Bool {
    let value = Double(multiplier) * Double(sign: .plus, exponent: Int(shift) - 31, significand: 1)
    if multiplier == 0 { return abs(Double(ratio)) < 0x1p-31 }
    return abs(value - Double(ratio)) <= abs(Double(ratio)) * 0x1p-20
  }

  @Test(arguments: [
    Float(1), 0.5, 0.75, 1.999_999_9, 1.000_000_1, -0.003_921_569, 0x1p-32, 0x1.fffffep-32, 0x1p-31,
    0x1.fffffep29, 0x1p30, -0x1p-20, 3.14159,
  ])
  func againstDouble(ratio: Float) {
    let exact = Int64(abs(ratio.significand) * 0x1p30)
    let exponent = Int32(ratio.exponent) + 1
    for difference in [-4096, -2049, -2048, -1024, -1023, -1, 0, 1, 1023, 1024, 2047, 2048, 4096] {
      for shift in exponent - 2...exponent + 2 {
        for scaled in [exact / 2, exact, exact * 2] {
          let magnitude = scaled + Int64(difference)
          guard (1 << 30...Int64(Int32.max)).contains(magnitude) else { continue }
          for multiplier in [Int32(magnitude), Int32(-magnitude)] {
            #expect(
              agrees(ratio, multiplier, shift) == expected(ratio, multiplier, shift),
              "\(ratio) \(multiplier) \(shift)")
          }
        }
      }
    }
    #expect(agrees(ratio, 0, 0) == expected(ratio, 0, 0))
  }

  @Test func whatIsNoNumberNeverAgrees() {
    for ratio in [Float.nan, .infinity, -.infinity, .signalingNaN] {
      #expect(!agrees(ratio, 1 << 30, 1))
      #expect(!agrees(ratio, 0, 0))
    }
    #expect(agrees(0, 0, 0))
    #expect(agrees(-0.0, 0, 0))
    #expect(agrees(.leastNonzeroMagnitude, 0, -31))
    #expect(!agrees(.leastNonzeroMagnitude, 1 << 30, -31))
    #expect(!agrees(0, 1 << 30, -31))
  }
}
