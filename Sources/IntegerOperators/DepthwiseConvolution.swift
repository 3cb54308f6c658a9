import CCupelIntegerKernels
import CupelModelFormat

/// Depthwise convolution: every channel has a window of its own.
///
/// Weights are [KH][KW][C], a row a tap: acc[c] = bias[c] + Σ (x[c] − z_in) · w[tap][c] over the
/// taps that lie inside the input. As many output as input channels; the channels of a tap lie side
/// by side, so the loop over them is the one to vectorise.
public struct DepthwiseConvolution<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 2 }
  public static var name: StaticString { "depthwise convolution" }

  package static var channelsAreColumns: Bool { true }

  /// Kernel, strides, dilations and padding.
  public var window: Window
  /// Weights, biases and what scales them.
  public var weights: Weights<Storage>

  /// A convolution of each channel by itself.
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

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 { window.visits(output) }

  package func places(input: Extent) -> Int { window.taps }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    guard let taps = window.checkedTaps else { return nil }
    return WeightShape(rows: taps, length: input.channels)
  }
}

extension DepthwiseConvolution: Sendable where Storage: SendableStorage {}

extension DepthwiseConvolution: RunnableOperator, WeightedKernel where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.demand(context.output.channels == context.input.channels, .outputExtent)
    try context.checkWindow(sliding: context.input, places: context.output)
    try checkWeights(&context)
  }

  package func describe(in result: inout cupel_operation) {
    result.kind = CUPEL_DEPTHWISE
    result.window = cupel_window(window)
  }

  /// All weights widened, and a pixel's sums.
  package func scratchBytes(_ layer: LayerShape) -> Int64 {
    let channels = Int64(layer.input.channels)
    return Int64(window.taps) &* paddedLength(channels) &* 2 &+ channels &* layer.sumBytes
  }

  package func run<Element: ActivationElement>(
    _ layer: LayerShape, input: UnsafePointer<Element>, _ requantization: Requantization,
    output: UnsafeMutablePointer<Element>, scratch: UnsafeMutableRawPointer
  ) {
    let channels = layer.input.channels
    let weights = weights  // A copy, whose fields loops keep in registers.
    var area = ScratchArea(scratch)
    let wide = area.rows(window.taps, length: channels)
    let sums = area.sums(channels, of: Element.Accumulator.self)
    for tap in 0..<window.taps {
      weights.widen(row: tap, length: channels, into: wide + tap &* paddedLength(channels))
    }
    for row in 0..<layer.output.height {
      for column in 0..<layer.output.width {
        for channel in 0..<channels { sums[channel] = weights.start(channel) }
        accumulate(layer, input, wide, row: row, column: column, into: sums)
        requantization.storePixel(
          sums, channels: channels, to: output + layer.output.offset(row: row, column: column))
      }
    }
  }

  /// Adds the window of one output pixel.
  @inline(__always)
  private func accumulate<Element: ActivationElement>(
    _ layer: LayerShape, _ pixels: UnsafePointer<Element>, _ weights: UnsafePointer<Int16>,
    row: Int, column: Int, into sums: UnsafeMutablePointer<Element.Accumulator>
  ) {
    let input = layer.input
    let channels = input.channels
    let zero = Int16(truncatingIfNeeded: layer.inputZeroPoint)
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
          let value = Int16(truncatingIfNeeded: source[channel]) &- zero
          let product = Int32(value) &* Int32(weightRow[channel])
          sums[channel] &+= Element.Accumulator(truncatingIfNeeded: product)
        }
      }
    }
  }
}
