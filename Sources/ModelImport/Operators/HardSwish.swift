import FixedPoint
import IntegerBuilder
import TFLiteSchema

extension OperatorRoom {
  static let hardSwish = OperatorRoom(tflite: [
    TFLiteRow(.hardSwish, integer: { try $0.hardSwish($1) })
  ])
}

extension TFLiteIntegerConverter {
  fileprivate mutating func hardSwish(_ node: TFLiteNode) throws(ImportError) {
    try lookUp(node) { input, output throws(ImportError) in
      guard let function = HardSwish(input, output) else {
        throw node.error("the output's scale is too small for the input's")
      }
      return function.table
    }
  }
}

/// x · relu6(x + 3) / 6 in 16-bit fixed point. Source: TensorFlow Lite, `HardSwish`.
private struct HardSwish {
  private let input, output: Grid
  /// Q15 multipliers and powers of two: from the input's grid, 7 bits up, to the output's and to
  /// the one on which 3 is 2¹⁵.
  private let outward: (value: Int, shift: Int)
  private let inward: (value: Int, shift: Int)

  /// Nil where the output's scale is too small for the input's.
  init?(_ input: Grid, _ output: Grid) {
    let fine = (1 / 128) * input.scale
    guard let outward = Multiplier(Double(fine / output.scale)), outward.shift <= 0,
      let inward = Multiplier(Double(fine / (3 / 32768))), inward.shift <= 16
    else { return nil }
    (self.input, self.output) = (input, output)
    self.outward = (Self.narrowed(outward.value), Int(outward.shift))
    self.inward = (Self.narrowed(inward.value), Int(inward.shift))
  }

  var table: [Int8] {
    (-128...127).map { value in
      let fine = (value - input.zeroPoint) << 7
      let scaled = high(fine, outward.value)
      var share = fine
      if inward.shift > 0 { share = saturated(share << (inward.shift - 1)) }
      share = high(share, inward.value)
      if inward.shift > 0 { share = saturated(share << 1) }
      if inward.shift < 0 { share = divide(share, -inward.shift) }
      // From −1 ... 1 to 0 ... 1.
      share = (share + (1 << 15)) >> 1
      let product = share * scaled / (1 << 15)
      let result = divide(product, -outward.shift) + output.zeroPoint
      return Int8(min(max(result, -128), 127))
    }
  }

  /// A Q31 multiplier as Q15, at most 2¹⁵ − 1.
  private static func narrowed(_ multiplier: Int32) -> Int {
    min((Int(multiplier) + (1 << 15)) >> 16, 32767)
  }

  private func saturated(_ value: Int) -> Int { min(max(value, -32768), 32767) }

  /// ⌊a · b / 2¹⁵ + ½⌋, saturated.
  private func high(_ a: Int, _ b: Int) -> Int { saturated((a * b + (1 << 14)) >> 15) }

  /// To nearest, ties away from zero.
  private func divide(_ value: Int, _ exponent: Int) -> Int {
    Int(roundingDivideByPowerOfTwo(Int32(value), exponent: Int32(exponent)))
  }
}
