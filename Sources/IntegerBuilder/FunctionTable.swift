import FixedPoint

/// Functions of one int8 as tables of their 256 values, each made the way a runtime computes it.
public enum FunctionTable {
  /// Every integer itself.
  public static let identity = (-128...127).map { Int8($0) }

  /// In float32, rounded to nearest with ties away from zero: how LiteRT makes its tables when it
  /// loads a model.
  public static func single(
    from input: Grid, to output: Grid, _ function: (Float) -> Float
  ) -> [Int8] {
    let inverse = 1 / output.scale
    return (-128...127).map { value in
      let rounded = (function(input.dequantize(value)) * inverse)
        .rounded(.toNearestOrAwayFromZero)
      return Int8(min(max(rounded + Float(output.zeroPoint), -128), 127))
    }
  }

  /// In fixed point, as TensorFlow Lite Micro computes its sigmoids: the input is brought to Q4.27,
  /// and the function's value in Q0.31 to `bits` bits behind the point.
  public static func fixedPoint(
    from input: Grid, bits: Int32, zeroPoint: Int32, _ function: (Int32) -> Int32
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
}
