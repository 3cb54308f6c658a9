import CIntegerKernels
import FixedPoint
import ModelFormat

/// Mean over height and width, rescaled: acc[c] = Σ (q − z_in) over all pixels, brought to the
/// output's grid by a ratio that holds the division, s_in / (s_out · H · W).
public struct Mean: Sendable, PlainOperator {
  public static var code: UInt8 { 7 }
  public static var name: StaticString { "mean" }

  /// Runtimes that divide the multiplier by the number of pixels may leave it a bit short.
  public var rescale: Rescale

  public init(_ rescale: Rescale) { self.rescale = rescale }

  package init() { self.init(Rescale()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    rescale.code(&coder)
    let magnitude = abs(Int64(rescale.multiplier))
    if magnitude != 0, magnitude < 1 << 30 { coder.require(minor: 1) }
  }
}

extension Mean: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    guard output.height == 1, output.width == 1, output.channels == input.channels else {
      throw context.error(.outputExtent)
    }
    let positions = Int64(input.height) &* Int64(input.width)
    try context.checkRescale(
      rescale, sum: positions &* Int64(input.largestMagnitude), mayBeShort: true)
  }

  private func kernel(_ step: Step) -> MeanKernel {
    MeanKernel(input: step.input.extent, rescale: rescale.tensorRescale(step))
  }

  package func scratchBytes(_ step: Step) -> Int64 { kernel(step).scratchBytes }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    kernel(step).run(input: step.source(arena), output: step.target(arena), scratch: scratch)
  }

  package func description(_ step: Step) -> cupel_operation? {
    var result = step.shape
    result.kind = CUPEL_MEAN
    rescale.tensorRescale(step).describe(in: &result)
    return result
  }
}

/// The mean with its extent and grids.
public struct MeanKernel {
  public var input: Extent
  public var rescale: TensorRescale

  @inlinable
  public init(input: Extent, rescale: TensorRescale) {
    self.input = input
    self.rescale = rescale
  }

  /// Scratch that `run` needs, aligned to 4 bytes: the sums.
  public var scratchBytes: Int64 { Int64(input.channels) &* 4 }

  /// Input [H][W][C], output [C].
  public func run(
    input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    let channels = self.input.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    sums.update(repeating: 0, count: channels)
    for pixel in 0..<self.input.height &* self.input.width {
      let values = input + pixel &* channels
      for channel in 0..<channels {
        sums[channel] &+= Int32(values[channel]) &- rescale.inputZeroPoint
      }
    }
    for channel in 0..<channels {
      output[channel] = rescale.apply(to: sums[channel])
    }
  }
}
