import CIntegerKernels
import ModelFormat

/// Depthwise convolution: every channel has a window of its own.
///
/// Weights are [KH][KW][C], a row a tap: acc[c] = bias[c] + Σ (x[c] − z_in) · w[tap][c] over the
/// taps that lie inside the input. As many output as input channels; the channels of a tap lie side
/// by side, so the loop over them is the one to vectorise.
public struct DepthwiseConvolution<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 2 }
  public static var name: StaticString { "depthwise convolution" }

  package static var channelsAreColumns: Bool { true }

  public var window: Window
  public var weights: Weights<Storage>

  public init(_ window: Window, _ weights: Weights<Storage>) {
    self.window = window
    self.weights = weights
  }

  package init() { self.init(Window(), Weights()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    window.code(&coder)
    weights.code(&coder)
  }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    Int64(output.elementCount) &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
  }

  package func places(input: Extent) -> Int { window.taps }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    guard let taps = window.checkedTaps else { return nil }
    return WeightShape(rows: taps, length: input.channels)
  }
}

extension DepthwiseConvolution: Sendable where Storage: SendableStorage {}

extension DepthwiseConvolution: RunnableOperator where Storage == InFile {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    guard output.channels == input.channels else { throw context.error(.outputExtent) }
    try context.checkWindow(sliding: input, places: output)
    try context.checkWeights(
      weights, shape: weightShape(input: input.extent, output: output.extent),
      channelsAreColumns: true, constants: &constants)
  }

  private func kernel(_ step: Step) -> DepthwiseConvolutionKernel {
    DepthwiseConvolutionKernel(
      input: step.input.extent, output: step.output.extent, window: window,
      inputZeroPoint: Int32(step.input.zeroPoint))
  }

  package func scratchBytes(_ step: Step) -> Int64 {
    Step.runsDirectly
      ? Step.directScratchBytes(described(step, weights.requantization(step)))
      : kernel(step).scratchBytes
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let requantization = weights.requantization(step)
    if Step.runsDirectly {
      step.runDirectly(described(step, requantization), requantization, arena: arena, scratch: scratch)
    } else {
      kernel(step).run(
        input: step.source(arena), weights: weights.weights, bits: weights.bits,
        bias: weights.bias, requantization: requantization, output: step.target(arena),
        scratch: scratch)
    }
  }

  private func described(_ step: Step, _ requantization: Requantization) -> cupel_operation {
    var result = step.shape
    result.kind = CUPEL_DEPTHWISE
    result.window = cupel_window(window)
    weights.describe(requantization, in: &result)
    return result
  }

  package func description(_ step: Step) -> cupel_operation? {
    described(step, weights.requantization(step))
  }
}

/// The layer with its extents and its input's zero point.
public struct DepthwiseConvolutionKernel {
  public var input: Extent
  public var output: Extent
  package static var channelsAreColumns: Bool { true }

  public var window: Window
  public var inputZeroPoint: Int32

  @inlinable
  public init(input: Extent, output: Extent, window: Window, inputZeroPoint: Int32) {
    self.input = input
    self.output = output
    self.window = window
    self.inputZeroPoint = inputZeroPoint
  }

  /// Scratch that `run` needs, aligned to 16 bytes: all weights widened, and a pixel's sums.
  public var scratchBytes: Int64 {
    let channels = Int64(input.channels)
    return Int64(window.taps) &* paddedLength(channels) &* 2 &+ channels &* 4
  }

  /// - Parameters:
  ///   - input: [H][W][C] of `input`.
  ///   - weights: `bits` each (8 or 4), in rows of C.
  ///   - bias: [C].
  ///   - output: [H][W][C] of `output`; does not overlap the input.
  ///   - scratch: `scratchBytes`.
  public func run(
    input: UnsafePointer<Int8>, weights: UnsafePointer<UInt8>, bits: Int,
    bias: UnsafePointer<Int32>, requantization: Requantization,
    output: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let channels = self.input.channels
    let rows = WeightRows(bytes: weights, bits: bits, length: channels)
    var area = ScratchArea(scratch)
    let wide = area.rows(window.taps, length: channels)
    let sums = area.sums(channels)
    for tap in 0..<window.taps {
      rows.widen(row: tap, into: wide + tap &* paddedLength(channels))
    }
    for row in 0..<self.output.height {
      for column in 0..<self.output.width {
        sums.update(from: bias, count: channels)
        accumulate(input, wide, row: row, column: column, into: sums)
        requantization.storePixel(
          sums, channels: channels, to: output + self.output.offset(row: row, column: column))
      }
    }
  }

  /// Adds the window of one output pixel.
  @inline(__always)
  private func accumulate(
    _ pixels: UnsafePointer<Int8>, _ weights: UnsafePointer<Int16>, row: Int, column: Int,
    into sums: UnsafeMutablePointer<Int32>
  ) {
    let channels = input.channels
    let zero = Int16(truncatingIfNeeded: inputZeroPoint)
    for tapRow in 0..<window.kernelHeight {
      let y = window.inputRow(output: row, tap: tapRow)
      if y < 0 || y >= input.height { continue }
      for tapColumn in 0..<window.kernelWidth {
        let x = window.inputColumn(output: column, tap: tapColumn)
        if x < 0 || x >= input.width { continue }
        let source = pixels + input.offset(row: y, column: x)
        let tap = tapRow &* window.kernelWidth &+ tapColumn
        let weightRow = weights + tap &* paddedLength(channels)
        for channel in 0..<channels {
          let value = Int16(source[channel]) &- zero
          sums[channel] &+= Int32(value) &* Int32(weightRow[channel])
        }
      }
    }
  }
}
