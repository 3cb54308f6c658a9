import CupelFixedPoint

// XNNPACK's arithmetic of operators without weights, made of the scales of their tensors. Scales
// and ratios are float32, by their bits; positive ones compare as their bits do. A form is nil for
// scales that LiteRT does not hand to XNNPACK: there LiteRT's own kernel runs. Kernels for x86-64,
// for NEON and in plain C have the same forms.

/// A sum: each input times an integer, added up and shifted to the right, ties towards +∞.
public struct XnnpackSum: Sendable, Equatable {
  /// Below 2²¹, the larger at least 2²⁰.
  public var first, second: Int32
  /// In 13 ... 30.
  public var shift: Int32

  /// The scales' ratios to the output's must be at least 2⁻¹⁰ and below 2⁸.
  ///
  /// - Parameters: scales of the inputs and the output.
  public init?(first: UInt32, second: UInt32, output: UInt32) {
    let one = float32Quotient(first, output)
    let other = float32Quotient(second, output)
    // Float32 bits of 2⁻¹⁰ and 2⁸.
    let range: Range<UInt32> = 0x3A80_0000..<0x4380_0000
    guard range.contains(one), range.contains(other) else { return nil }
    let shift = 147 &- (max(one, other) &>> 23)
    // Moved up by 2^shift, the larger reaches 2²⁰.
    self.first = int32(roundingFloat32: one &+ shift &<< 23)
    self.second = int32(roundingFloat32: other &+ shift &<< 23)
    self.shift = Int32(bitPattern: shift)
  }

  /// In steps of the output's grid, of values with their zero points taken off: 255 at most, so
  /// that no sum reaches 2³¹.
  @inline(__always)
  package func scaled(_ one: Int32, _ other: Int32) -> Int32 {
    (one &* first &+ other &* second &+ (1 &<< (shift &- 1))) &>> shift
  }
}

/// A requantization: the value times an integer that counts 256ths, ties towards +∞.
public struct XnnpackRequantization: Sendable, Equatable {
  /// In 1 ... 2¹⁵.
  public var multiplier: Int32

  /// The ratio of the scales must be in 2⁻⁸ ... 2⁷.
  ///
  /// - Parameters: scales of the input and the output.
  public init?(input: UInt32, output: UInt32) {
    let ratio = float32Quotient(input, output)
    // Float32 bits of 2⁻⁸ and 2⁷.
    guard (0x3B80_0000...0x4300_0000).contains(ratio) else { return nil }
    self.init(ratio: ratio)
  }

  /// - Parameter ratio: of a magnitude up to 2⁷.
  init(ratio: UInt32) {
    // Float32 bits of 256.
    multiplier = int32(roundingFloat32: float32Product(0x4380_0000, ratio))
  }

  /// In steps of the output's grid, of a value with its zero point taken off.
  @inline(__always)
  package func scaled(_ value: Int32) -> Int32 { (value &* multiplier &+ 128) &>> 8 }

  /// The same as a multiplier of 31 bits with a single rounding.
  var outputScale: OutputScale {
    let room = Int32(truncatingIfNeeded: multiplier.leadingZeroBitCount) &- 1
    return OutputScale(multiplier: multiplier &<< room, shift: 23 &- room, ratioBits: 0)
  }
}

/// A mean: the stored values' sum times a float32, plus a float32 that holds both zero points, ties
/// to even.
public struct XnnpackMean: Sendable, Equatable {
  /// Float32 bits.
  var ratio, offset: UInt32

  /// - Parameters:
  ///   - input, output: scales.
  ///   - count: how many values a mean is of.
  public init(
    input: UInt32, inputZeroPoint: Int32, output: UInt32, outputZeroPoint: Int32, count: Int32
  ) {
    // Float32 bits of 1.
    let share = float32Quotient(0x3F80_0000, float32Bits(of: count))
    ratio = float32Product(float32Quotient(input, output), share)
    let zeros = float32Product(float32Bits(of: count &* inputZeroPoint), ratio)
    offset = float32Sum(float32Bits(of: outputZeroPoint), zeros ^ 0x8000_0000)
  }

  /// On the output's grid, before it is limited.
  func placed(_ sum: Int32) -> Int32 {
    int32(roundingFloat32: float32Sum(float32Product(float32Bits(of: sum), ratio), offset))
  }
}
