import FixedPoint

/// From int32 accumulators to an int8 output with one scale per channel. The arrays lie where the
/// model's bytes lie.
public struct Requantization {
  /// Q31 multipliers, one an output channel.
  public var multipliers: UnsafePointer<Int32>
  /// In −31 ... 30, one an output channel.
  public var shifts: UnsafePointer<Int8>
  /// Float32 bits, one an output channel.
  public var weightScales: UnsafePointer<UInt32>
  /// Float32 bits of the input's and the output's scale, which with the weights' make the ratios.
  public var inputScale: UInt32
  public var outputScale: UInt32
  public var rounding: RoundingMode
  public var zeroPoint: Int32
  /// Fused activation on the output's grid, −128 ≤ low ≤ high ≤ 127.
  public var low: Int32
  public var high: Int32

  @inlinable
  public init(
    multipliers: UnsafePointer<Int32>, shifts: UnsafePointer<Int8>,
    weightScales: UnsafePointer<UInt32>, inputScale: UInt32, outputScale: UInt32,
    rounding: RoundingMode, zeroPoint: Int32, low: Int32, high: Int32
  ) {
    self.multipliers = multipliers
    self.shifts = shifts
    self.weightScales = weightScales
    self.inputScale = inputScale
    self.outputScale = outputScale
    self.rounding = rounding
    self.zeroPoint = zeroPoint
    self.low = low
    self.high = high
  }

  /// Writes one channel of `count` pixels, `stride` bytes apart.
  func storeChannel(
    _ channel: Int, _ sums: UnsafePointer<Int32>, count: Int,
    to output: UnsafeMutablePointer<Int8>, stride: Int
  ) {
    let scale = scale(channel: channel)
    storeEach(count, to: output, stride: stride) { index, mode in
      scale.apply(to: sums[index], rounding: mode)
    }
  }

  /// The same for kernels that are not written in Swift, where they leave it to the core; small
  /// rather than fast.
  @inline(never)
  public func storeRest(
    _ channel: Int, _ sums: UnsafePointer<Int32>, count: Int,
    to output: UnsafeMutablePointer<Int8>, stride: Int
  ) {
    let scale = scale(channel: channel)
    for index in 0..<count {
      place(scale.applied(to: sums[index], rounding: rounding), at: output + index &* stride)
    }
  }

  /// Writes all channels of one pixel.
  func storePixel(
    _ sums: UnsafePointer<Int32>, channels: Int, to output: UnsafeMutablePointer<Int8>
  ) {
    storeEach(channels, to: output, stride: 1) { channel, mode in
      scale(channel: channel).apply(to: sums[channel], rounding: mode)
    }
  }

  @inline(__always)
  private func scale(channel: Int) -> OutputScale {
    // A ratio takes a division: it is made only where it is used.
    let weightScale = weightScales[channel]
    let ratio =
      rounding == .float32HalfEven
      ? float32Ratio(input: inputScale, weight: weightScale, output: outputScale) : 0
    let ratio64 =
      rounding == .float64HalfAway
      ? Float64Ratio(input: inputScale, weight: weightScale, output: outputScale) : .zero
    return OutputScale(
      multiplier: multipliers[channel], shift: Int32(shifts[channel]), ratioBits: ratio,
      ratio64: ratio64)
  }

  /// One loop a mode, so that the choice is made once and not for every value.
  @inline(__always)
  private func storeEach(
    _ count: Int, to output: UnsafeMutablePointer<Int8>, stride: Int,
    _ value: (Int, RoundingMode) -> Int32
  ) {
    switch rounding {
    case .doubleRounding:
      for index in 0..<count { place(value(index, .doubleRounding), at: output + index &* stride) }
    case .singleRounding:
      for index in 0..<count { place(value(index, .singleRounding), at: output + index &* stride) }
    case .float32HalfEven:
      for index in 0..<count { place(value(index, .float32HalfEven), at: output + index &* stride) }
    case .float64HalfAway:
      for index in 0..<count { place(value(index, .float64HalfAway), at: output + index &* stride) }
    }
  }

  @inline(__always)
  private func place(_ value: Int32, at output: UnsafeMutablePointer<Int8>) {
    output.pointee = placedOnGrid(value, zeroPoint: zeroPoint, low: low, high: high)
  }
}
