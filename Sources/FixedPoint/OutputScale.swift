/// The factor that takes an accumulator to the output's grid, in the forms that runtimes use.
public struct OutputScale: Sendable, Equatable {
  /// ratio ≈ multiplier · 2^(shift − 31); |multiplier| in 2³⁰ ..< 2³¹, or 0.
  public var multiplier: Int32
  /// In −31 ... 30; positive shifts to the left.
  public var shift: Int32
  /// The ratio as a float32, by its bits.
  public var ratioBits: UInt32
  /// The ratio as a double, for the one mode that needs it.
  public var ratio64: Float64Ratio

  /// One factor in all its forms; they must agree, or modes would compute different networks.
  @inlinable @inline(__always)
  public init(multiplier: Int32, shift: Int32, ratioBits: UInt32, ratio64: Float64Ratio = .zero) {
    self.multiplier = multiplier
    self.shift = shift
    self.ratioBits = ratioBits
    self.ratio64 = ratio64
  }

  /// accumulator · ratio, rounded as the mode says. The integer modes need
  /// |accumulator| · 2^max(shift, 0) < 2³¹.
  @inlinable @inline(__always)
  public func apply(to accumulator: Int32, rounding: RoundingMode) -> Int32 {
    switch rounding {
    case .doubleRounding:
      multiplyDoubleRounding(accumulator, multiplier: multiplier, shift: shift)
    case .singleRounding:
      multiplySingleRounding(accumulator, multiplier: multiplier, shift: shift)
    case .float32HalfEven, .onnxUnsigned, .onnxSigned, .xnnpack, .float32Steps:
      multiplyFloat32HalfEven(accumulator, ratioBits: ratioBits)
    case .float64HalfAway:
      multiplyFloat64HalfAway(accumulator, ratio: ratio64)
    case .reducedMultiplier:
      multiplyReduced(Int64(accumulator), multiplier: multiplier, shift: shift)
    }
  }

  /// The same of an accumulator of 64 bits, below 2⁴⁷ in magnitude, in the modes that there are for
  /// one: `doubleRounding` of one that fits 32 bits, `float64HalfAway`, and `reducedMultiplier`,
  /// which also stands in for all others.
  @inlinable
  public func applied(to accumulator: Int64, rounding: RoundingMode) -> Int32 {
    switch rounding {
    case .doubleRounding:
      multiplyDoubleRounding(
        Int32(truncatingIfNeeded: accumulator), multiplier: multiplier, shift: shift)
    case .float64HalfAway: multiplyFloat64HalfAway(accumulator, ratio: ratio64)
    default: multiplyReduced(accumulator, multiplier: multiplier, shift: shift)
    }
  }

  /// The same, once in a program: for what scales few values, so that firmware has every mode once.
  @inline(never)
  public func applied(to accumulator: Int32, rounding: RoundingMode) -> Int32 {
    apply(to: accumulator, rounding: rounding)
  }
}
