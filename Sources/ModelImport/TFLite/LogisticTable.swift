import FixedPoint
import Foundation
import ModelWriter

/// 1 / (1 + e^−x) of every int8, counting 1/256 from −128 on.
enum LogisticTable {
  /// In float32, rounded to nearest with ties away from zero: how LiteRT makes its table when it
  /// loads a model.
  static func single(_ input: IntegerTensor, output: IntegerTensor) -> [Int8] {
    let inverse = 1 / output.scale
    return (-128...127).map { value in
      let real = input.scale * Float(value - input.zeroPoint)
      let logistic = 1 / (1 + exp(-real))
      let rounded = (logistic * inverse).rounded(.toNearestOrAwayFromZero)
      return Int8(min(max(rounded + Float(output.zeroPoint), -128), 127))
    }
  }

  /// In fixed point: TensorFlow Lite Micro's kernel. The input is brought to Q4.27.
  static func fixedPoint(_ input: IntegerTensor) -> [Int8] {
    let ratio = Double(input.scale) * 0x1p27
    guard let parts = Multiplier(ratio) else {
      // So coarse that every input but zero is beyond the ends.
      return (-128...127).map { $0 < input.zeroPoint ? -128 : $0 > input.zeroPoint ? 127 : 0 }
    }
    // Beyond this an input would leave Q4.27.
    let radius = parts.shift >= 0 ? Int((15 << 27) >> Int64(parts.shift)) : Int.max
    return (-128...127).map { value in
      let difference = value - input.zeroPoint
      if difference <= -radius { return -128 }
      if difference >= radius { return 127 }
      let scaled = multiplyDoubleRounding(
        Int32(difference), multiplier: parts.value, shift: parts.shift)
      let share = roundingDivideByPowerOfTwo(logistic(scaled), exponent: 23)
      return saturatedToInt8(share - 128)
    }
  }
}
