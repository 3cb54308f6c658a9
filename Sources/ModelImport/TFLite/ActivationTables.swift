import FixedPoint
import Foundation
import IntegerBuilder
import ModelWriter

/// Functions of one int8 as tables of their 256 values, each made the way a runtime computes it.
enum ActivationTables {
  /// In float32, rounded to nearest with ties away from zero: how LiteRT makes its tables when it
  /// loads a model.
  static func single(
    _ input: IntegerTensor, _ output: IntegerTensor, _ function: (Float) -> Float
  ) -> [Int8] {
    let inverse = 1 / output.scale
    return (-128...127).map { value in
      let real = input.scale * Float(value - input.zeroPoint)
      let rounded = (function(real) * inverse).rounded(.toNearestOrAwayFromZero)
      return Int8(min(max(rounded + Float(output.zeroPoint), -128), 127))
    }
  }

  /// In fixed point, as TensorFlow Lite Micro computes logistic and tanh: the input is brought to
  /// Q4.27, and the function's value in Q0.31 to `bits` bits behind the point.
  static func fixedPoint(
    _ input: IntegerTensor, bits: Int32, zeroPoint: Int32, _ function: (Int32) -> Int32
  ) -> [Int8] {
    guard let parts = Multiplier(Double(input.scale) * 0x1p27) else {
      // So coarse that every input but zero is beyond the ends.
      let middle = saturatedToInt8(
        roundingDivideByPowerOfTwo(function(0), exponent: 31 - bits) + zeroPoint)
      return (-128...127).map {
        $0 < input.zeroPoint ? -128 : $0 > input.zeroPoint ? 127 : middle
      }
    }
    // Beyond this an input would leave Q4.27.
    let radius = parts.shift >= 0 ? Int((15 << 27) >> Int64(parts.shift)) : Int.max
    return (-128...127).map { value in
      let difference = value - input.zeroPoint
      if difference <= -radius { return -128 }
      if difference >= radius { return 127 }
      let scaled = multiplyDoubleRounding(
        Int32(difference), multiplier: parts.value, shift: parts.shift)
      let share = roundingDivideByPowerOfTwo(function(scaled), exponent: 31 - bits)
      return saturatedToInt8(share + zeroPoint)
    }
  }

  /// Two ratios, one for each side of zero, both rounded twice; nil where one is too large.
  static func leakyRelu(
    _ input: IntegerTensor, _ output: IntegerTensor, alpha: Float
  ) -> [Int8]? {
    guard let identity = Multiplier(Double(input.scale / output.scale)),
      let slope = Multiplier(Double(input.scale * alpha / output.scale)),
      max(identity.shift, slope.shift) < 23
    else { return nil }
    return (-128...127).map { value in
      let difference = Int32(value - input.zeroPoint)
      let parts = difference >= 0 ? identity : slope
      let scaled = multiplyDoubleRounding(
        difference, multiplier: parts.value, shift: parts.shift)
      return placedOnGrid(
        scaled, zeroPoint: Int32(output.zeroPoint), low: -128, high: 127)
    }
  }
}

/// x · relu6(x + 3) / 6 in 16-bit fixed point. Source: TensorFlow Lite, `HardSwish`.
struct HardSwish {
  private let input, output: IntegerTensor
  /// Q15 multipliers and powers of two: from the input's grid, 7 bits up, to the output's and to
  /// the one on which 3 is 2¹⁵.
  private let outward: (value: Int, shift: Int)
  private let inward: (value: Int, shift: Int)

  /// Nil where the output's scale is too small for the input's.
  init?(_ input: IntegerTensor, _ output: IntegerTensor) {
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
