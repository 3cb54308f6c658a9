/// How an accumulator is scaled to the output's grid.
///
/// Real runtimes differ here by one unit in about one output of a thousand, so the mode is data:
/// every operator of a `.cupel` file carries its own. `docs/arithmetic.md` gives each mode with
/// worked numbers.
public enum RoundingMode: UInt8, Sendable {
  /// gemmlowp's pair: saturating rounding doubling high multiply, then a rounding right shift.
  /// TFLite Micro, CMSIS-NN's default, TFLite's reference convolution and depthwise.
  case doubleRounding = 0
  /// One 64-bit product, one rounding (half up). TFLite and CMSIS-NN built with their single
  /// rounding option.
  case singleRounding = 1
  /// int32 to float32, times a float32 scale, round half to even, carried out as IEEE-754 single
  /// arithmetic in integers. XNNPACK.
  case float32HalfEven = 2
  /// int32 to double, times a double ratio of the scales, ties away from zero, carried out as
  /// IEEE-754 double arithmetic in integers. LiteRT's reference fully connected. For operators with
  /// weights only: their scales say the ratio to all its bits.
  case float64HalfAway = 3
  /// ONNX Runtime's addition, product and average pool of 8-bit tensors, in float32, with the zero
  /// point added before the last rounding; the tensors being uint8, 128 above the program's.
  case onnxUnsigned = 4
  /// The same of int8 tensors.
  case onnxSigned = 5
  /// XNNPACK's own forms of operators without weights: sums with multipliers of 21 bits,
  /// requantizations with multipliers of 8 fraction bits, means in float32. For additions,
  /// subtractions, requantizations and means.
  case xnnpack = 6
  /// Every step in float32 by itself, as float operators between DequantizeLinear and
  /// QuantizeLinear compute it: scaled to real numbers, computed, divided by the output's scale,
  /// rounded to even. For operators without weights.
  case float32Steps = 7
  /// An accumulator of 64 bits times a multiplier that is reduced to 16 bits, rounded once, half up:
  /// TensorFlow Lite's of int16 activations with biases of int64. For operators with weights only.
  case reducedMultiplier = 8
}

/// Some of the rounding modes: what an operator has.
package struct RoundingModes: Sendable {
  /// A bit for each mode, by its code.
  private var bits: UInt16

  /// One mode.
  package init(_ mode: RoundingMode) { bits = 1 &<< mode.rawValue }

  /// Those in which one operator's accumulator is scaled by a ratio in 32 bits.
  package static var scalings: Self {
    Self(.doubleRounding) | Self(.singleRounding) | Self(.float32HalfEven)
  }
  /// Of operators without weights on 16 bits: a requantization to fewer than 8 rounds once.
  package static var wideScalings: Self { Self(.doubleRounding) | Self(.singleRounding) }
  /// Of operators with weights on 16 bits.
  package static var wideAccumulators: Self {
    Self(.doubleRounding) | Self(.float64HalfAway) | Self(.reducedMultiplier)
  }
  /// ONNX Runtime's of 8-bit tensors.
  package static var onnx: Self { Self(.onnxUnsigned) | Self(.onnxSigned) }

  package static func | (one: Self, other: Self) -> Self {
    var result = one
    result.bits |= other.bits
    return result
  }

  /// Whether a mode is among them.
  package func contains(_ mode: RoundingMode) -> Bool { bits &>> mode.rawValue & 1 == 1 }
}
