import CupelIntegerOperators
import CupelModelWriter

/// A real ratio as a Q31 multiplier and a shift: ratio ≈ value · 2^(shift − 31).
public struct Multiplier: Sendable, Equatable {
  /// |value| in [2^30, 2^31), or 0 where the ratio is too small to matter.
  public var value: Int32
  /// In [−31, 30].
  public var shift: Int32

  /// Nearest representation, ties away from zero (TFLite's `QuantizeMultiplier`).
  /// Returns nil for a ratio that is not finite or needs a shift over 30.
  public init?(_ ratio: Double) {
    guard ratio.isFinite else { return nil }
    guard ratio != 0 else {
      (value, shift) = (0, 0)
      return
    }
    // significand is in 1 ..< 2; half of it, and an exponent more, is what the format wants.
    var mantissa = Int64((ratio.magnitude.significand * 0x1p30).rounded())
    var shift = Int(ratio.exponent) + 1
    if mantissa == 1 << 31 {
      mantissa = 1 << 30
      shift += 1
    }
    guard shift <= 30 else { return nil }
    // Below 2^-32 even the largest accumulator rounds to zero.
    guard shift >= -31 else {
      (value, self.shift) = (0, 0)
      return
    }
    value = Int32(ratio < 0 ? -mantissa : mantissa)
    self.shift = Int32(shift)
  }

  /// The multiplier of a ratio, divided by a number of elements in integers, as LiteRT does for a
  /// mean: with as many bits more as that number has. The quotient may fall below 2³⁰.
  ///
  /// - Parameter count: 1 or more.
  public init?(_ ratio: Double, dividedBy count: Int) {
    self.init(ratio)
    let bits = Int32(Int.bitWidth - 1 - count.leadingZeroBitCount)
    let extra = min(bits, 32, 31 + shift)
    value = Int32(truncatingIfNeeded: (Int64(value) << Int64(extra)) / Int64(count))
    shift -= extra
  }

  /// The factor that brings differences of integers to Q5.26, limited to 2³¹ − 1: its shift, to the
  /// left, may be 31, one more than other ratios may have. Nil for a scale that is not positive.
  public init?(toQ26 scale: Double) {
    guard scale > 0 else { return nil }
    self.init(min(scale * 0x1p26, 0x1p31 - 1) / 2)
    shift += 1
  }
}

extension IntegerOperation.Kind {
  /// A softmax of values that are `scale` apart. Nil where differences of one are too small to be
  /// told apart in Q5.26.
  public static func softmax(of scale: Double) -> Self? {
    guard scale * 0x1p26 > 1, let multiplier = Multiplier(toQ26: scale) else { return nil }
    return .softmax(.init(multiplier: multiplier.value, leftShift: multiplier.shift))
  }
}
