/// A real ratio as a Q31 multiplier and a shift: ratio ≈ value · 2^(shift − 31).
package struct Multiplier: Equatable {
  /// |value| in [2^30, 2^31), or 0 where the ratio is too small to matter.
  package var value: Int32
  /// In [−31, 30].
  package var shift: Int32

  /// Nearest representation, ties away from zero (TFLite's `QuantizeMultiplier`).
  /// Returns nil for a ratio that is not finite or needs a shift over 30.
  package init?(_ ratio: Double) {
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
}
