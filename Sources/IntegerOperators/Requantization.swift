import CupelFixedPoint
import CupelModelFormat

/// From accumulators to an output with one scale per channel.
package struct Requantization {
  let weights: Weights<InFile>
  /// Float32 bits of the input's and the output's scale, which with the weights' make the ratios.
  let inputScale, outputScale: UInt32
  let zeroPoint: Int32
  /// The weights' own.
  let low, high: Int32

  /// - Parameter weights: with the rounding that is to be used.
  package init(
    _ weights: Weights<InFile>, inputScale: UInt32, outputScale: UInt32, zeroPoint: Int32
  ) {
    self.weights = weights
    self.inputScale = inputScale
    self.outputScale = outputScale
    self.zeroPoint = zeroPoint
    (low, high) = (Int32(weights.low), Int32(weights.high))
  }

  /// Writes one channel of `count` pixels, `stride` elements apart.
  func storeChannel<Element: ActivationElement>(
    _ channel: Int, _ sums: UnsafePointer<Element.Accumulator>, count: Int,
    to output: UnsafeMutablePointer<Element>, stride: Int
  ) {
    let scale = scale(channel: channel)
    storeEach(count, to: output, stride: stride) { index, mode in
      Element.scaled(sums[index], scale, mode)
    }
  }

  /// The same for kernels that are not written in Swift, where they leave it to the core; small
  /// rather than fast.
  @inline(never)
  func storeRest<Element: ActivationElement>(
    _ channel: Int, _ sums: UnsafePointer<Element.Accumulator>, count: Int,
    to output: UnsafeMutablePointer<Element>, stride: Int
  ) {
    let scale = scale(channel: channel)
    for index in 0..<count {
      place(
        Element.applied(scale, to: sums[index], weights.rounding), at: output + index &* stride)
    }
  }

  /// Writes all channels of one pixel.
  func storePixel<Element: ActivationElement>(
    _ sums: UnsafePointer<Element.Accumulator>, channels: Int,
    to output: UnsafeMutablePointer<Element>
  ) {
    // Where layers run directly this is for the few with asymmetric weights: small, not fast.
    if Step.runsDirectly {
      for channel in 0..<channels {
        storeRest(channel, sums + channel, count: 1, to: output + channel, stride: 1)
      }
      return
    }
    storeEach(channels, to: output, stride: 1) { channel, mode in
      Element.scaled(sums[channel], scale(channel: channel), mode)
    }
  }

  @inline(__always)
  private func scale(channel: Int) -> OutputScale {
    // A ratio takes a division: it is made only where it is used.
    let weightScale = weights.weightScales[channel]
    let ratio =
      weights.rounding == .float32HalfEven
      ? float32Ratio(input: inputScale, weight: weightScale, output: outputScale) : 0
    let ratio64 =
      weights.rounding == .float64HalfAway
      ? Float64Ratio(input: inputScale, weight: weightScale, output: outputScale) : .zero
    return OutputScale(
      multiplier: weights.multipliers[channel], shift: Int32(weights.shifts[channel]),
      ratioBits: ratio, ratio64: ratio64)
  }

  /// One loop a mode, so that the choice is made once and not for every value.
  @inline(__always)
  private func storeEach<Element: ActivationElement>(
    _ count: Int, to output: UnsafeMutablePointer<Element>, stride: Int,
    _ value: (Int, RoundingMode) -> Int32
  ) {
    switch weights.rounding {
    case .doubleRounding:
      for index in 0..<count { place(value(index, .doubleRounding), at: output + index &* stride) }
    case .singleRounding:
      for index in 0..<count { place(value(index, .singleRounding), at: output + index &* stride) }
    case .float32HalfEven, .onnxUnsigned, .onnxSigned, .xnnpack, .float32Steps, .reducedMultiplier:
      for index in 0..<count { place(value(index, .float32HalfEven), at: output + index &* stride) }
    case .float64HalfAway:
      for index in 0..<count { place(value(index, .float64HalfAway), at: output + index &* stride) }
    }
  }

  @inline(__always)
  private func place<Element: ActivationElement>(
    _ value: Int32, at output: UnsafeMutablePointer<Element>
  ) {
    output.pointee = placedOnGrid(value, zeroPoint: zeroPoint, low: low, high: high)
  }
}
