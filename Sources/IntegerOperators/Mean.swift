import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// Mean over height and width, rescaled: acc[c] = Σ (q − z_in) over all pixels, brought to the
/// output's grid by a ratio that holds the division, s_in / (s_out · H · W).
public struct Mean: Sendable, RescaleOperator {
  public static var code: UInt8 { 7 }
  public static var name: StaticString { "mean" }

  /// Runtimes that divide the multiplier by the number of pixels may leave it a bit short.
  public var rescale: Rescale

  /// A mean with this scale.
  public init(_ rescale: Rescale) { self.rescale = rescale }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    rescale.code(&coder)
    let magnitude = abs(Int64(rescale.multiplier))
    if magnitude != 0, magnitude < 1 << 30 { coder.require(minor: 1) }
  }
}

extension Mean: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    try context.checkRounding(rescale.rounding, known: .scalings | RoundingModes(.xnnpack))
    try context.demand(
      output.height == 1 && output.width == 1 && output.channels == input.channels, .outputExtent)
    let positions = Int64(input.height) &* Int64(input.width)
    try context.checkRescale(
      rescale, sum: positions &* Int64(input.largestMagnitude), mayBeShort: true)
  }

  /// The sums.
  package func scratchBytes(_ step: Step) -> Int64 { Self.scratchBytes(step.input.extent) }

  private func mode(_ step: Step) -> RoundingMode { step.profile?.meanMode ?? rescale.rounding }

  package func run(_ step: Step, in memory: StepMemory) {
    let mode = mode(step)
    let scale = rescale.tensorRescale(step, mode)
    let (input, output) = (step.input, step.output)
    if step.isWide {
      let target: UnsafeMutablePointer<Int16> = step.target(memory)
      return scale.mean(
        step.source(memory), extent: input.extent, output: target, scratch: memory.scratch)
    }
    guard RuntimeArithmetic.isThere, mode == .xnnpack else {
      let target: UnsafeMutablePointer<Int8> = step.target(memory)
      return scale.mean(
        step.source(memory), extent: input.extent, output: target, scratch: memory.scratch)
    }
    let form = XnnpackMean(
      input: input.scaleBits, inputZeroPoint: Int32(input.zeroPoint), output: output.scaleBits,
      outputZeroPoint: Int32(output.zeroPoint),
      count: Int32(truncatingIfNeeded: input.height &* input.width))
    form.run(
      step.source(memory), extent: input.extent, output: step.target(memory), low: scale.low,
      high: scale.high, scratch: memory.scratch)
  }

  package static func scratchBytes(_ extent: Extent) -> Int64 { Int64(extent.channels) &* 4 }

  package func description(_ step: Step) -> cupel_operation? {
    let mode = mode(step)
    guard mode != .xnnpack else { return nil }
    var result = step.shape
    result.kind = CUPEL_MEAN
    rescale.tensorRescale(step, mode).describe(in: &result)
    return result
  }
}

extension TensorRescale {
  /// Input [H][W][C] of `extent`, output [C].
  ///
  /// - Parameter scratch: `Mean.scratchBytes`, aligned to 4 bytes.
  public func mean<Element: ActivationElement>(
    _ input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    scratch: UnsafeMutableRawPointer
  ) {
    let sums = Mean.sums(of: input, extent: extent, zeroPoint: inputZeroPoint, scratch)
    for channel in 0..<extent.channels {
      output[channel] = Element(truncatingIfNeeded: apply(to: sums[channel]))
    }
  }
}

extension XnnpackMean {
  /// Input [H][W][C] of `extent`, output [C], within bounds on its grid.
  ///
  /// - Parameter scratch: `Mean.scratchBytes`, aligned to 4 bytes.
  func run(
    _ input: UnsafePointer<Int8>, extent: Extent, output: UnsafeMutablePointer<Int8>, low: Int32,
    high: Int32, scratch: UnsafeMutableRawPointer
  ) {
    let sums = Mean.sums(of: input, extent: extent, zeroPoint: 0, scratch)
    for channel in 0..<extent.channels {
      output[channel] = Int8(
        truncatingIfNeeded: clamped(placed(sums[channel]), low: low, high: high))
    }
  }
}

extension Mean {
  /// Of each channel, zero points taken off, in the scratch memory.
  fileprivate static func sums<Element: ActivationElement>(
    of input: UnsafePointer<Element>, extent: Extent, zeroPoint: Int32,
    _ scratch: UnsafeMutableRawPointer
  ) -> UnsafeMutablePointer<Int32> {
    let channels = extent.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    sums.update(repeating: 0, count: channels)
    for pixel in 0..<extent.height &* extent.width {
      add(input + pixel &* channels, to: sums, count: channels, zeroPoint: zeroPoint)
    }
    return sums
  }

  /// Not inlined: two loops in one would be unrolled into each other, which takes much flash.
  @inline(never)
  private static func add<Element: ActivationElement>(
    _ values: UnsafePointer<Element>, to sums: UnsafeMutablePointer<Int32>, count: Int,
    zeroPoint: Int32
  ) {
    for channel in 0..<count {
      sums[channel] &+= Int32(truncatingIfNeeded: values[channel]) &- zeroPoint
    }
  }
}
