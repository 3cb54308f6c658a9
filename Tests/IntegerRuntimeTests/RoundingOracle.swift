import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter

/// The rounding modes once more, by other means than the core's: floor division in Int64, and the
/// processor's own float32 and double.
enum RoundingOracle {
  static func scale(
    _ sum: Int64, multiplier: Int32, shift: Int32, ratio: Float, ratio64: Double = 0,
    mode: RoundingMode
  ) -> Int64 {
    switch mode {
    case .doubleRounding:
      let shifted = sum * (1 << Int64(max(shift, 0)))
      let high = floorDivide(shifted * Int64(multiplier) + (1 << 30), 1 << 31)
      let divisor = Int64(1) << Int64(max(-shift, 0))
      let magnitude = (abs(high) * 2 + divisor) / (divisor * 2)
      return high < 0 ? -magnitude : magnitude
    case .singleRounding:
      let divisor = Int64(1) << Int64(31 - shift)
      return floorDivide(sum * Int64(multiplier) + divisor / 2, divisor)
    // The others are the arithmetic of operators without weights as a whole.
    case .float32HalfEven, .onnxUnsigned, .onnxSigned, .xnnpack, .float32Steps:
      return Int64((Float(sum) * ratio).rounded(.toNearestOrEven))
    case .float64HalfAway:
      return Int64((Double(sum) * ratio64).rounded(.toNearestOrAwayFromZero))
    case .reducedMultiplier:
      let reduced = min((Int64(multiplier) + (1 << 15)) / (1 << 16), 32767)
      let divisor = Int64(1) << Int64(15 - shift)
      return floorDivide(sum * reduced + divisor / 2, divisor)
    }
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
  }
}
