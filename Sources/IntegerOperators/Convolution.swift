import CIntegerKernels
import ModelFormat

/// Convolution with groups, strides, dilations and padding.
///
/// Weights are [O][KH][KW][I / groups], a row an output channel. Output channel o of group g sees
/// the input channels of group g:
/// acc = bias[o] + Σ (x − z_in) · w, over the taps that lie inside the input; padding is z_in and
/// adds nothing.
///
/// Works on a few output pixels at a time: their windows are gathered as int16 rows with the zero
/// point taken off, and every weight row is widened once for all of them.
public struct Convolution<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 1 }
  public static var name: StaticString { "convolution" }

  public var window: Window
  /// Divides the channels of input and output.
  public var groups: Int
  public var weights: Weights<Storage>

  public init(_ window: Window, groups: Int, _ weights: Weights<Storage>) {
    self.window = window
    self.groups = groups
    self.weights = weights
  }

  package init() { self.init(Window(), groups: 1, Weights()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    window.code(&coder)
    coder.number(8, &groups)
    weights.code(&coder)
  }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    // Weights lie in the file, so an output's taps number below 2³¹.
    Int64(output.elementCount) &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
      &* Int64(input.channels / groups)
  }

  package func places(input: Extent) -> Int { window.taps }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    guard groups >= 1, let taps = window.checkedTaps else { return nil }
    return WeightShape(rows: output.channels, taps: taps, length: input.channels / groups)
  }
}

extension Convolution: Sendable where Storage: SendableStorage {}

extension Convolution: RunnableOperator where Storage == InFile {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    guard groups >= 1, input.channels % groups == 0, output.channels % groups == 0 else {
      throw context.error(.groups, parameter: 8)
    }
    try context.checkWindow(sliding: input, places: output)
    try context.checkWeights(
      weights, shape: weightShape(input: input.extent, output: output.extent),
      constants: &constants)
  }

  private func kernel(_ step: Step) -> ConvolutionKernel {
    ConvolutionKernel(
      input: step.input.extent, output: step.output.extent, window: window, groups: groups,
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
    result.kind = CUPEL_CONVOLUTION
    result.window = cupel_window(window)
    result.groups = Int32(groups)
    weights.describe(requantization, in: &result)
    return result
  }

  package func description(_ step: Step) -> cupel_operation? {
    described(step, weights.requantization(step))
  }
}

/// The layer with its extents and its input's zero point.
public struct ConvolutionKernel {
  public var input: Extent
  public var output: Extent
  public var window: Window
  /// Divides the channels of input and output.
  public var groups: Int
  public var inputZeroPoint: Int32

  @inlinable
  public init(
    input: Extent, output: Extent, window: Window, groups: Int, inputZeroPoint: Int32
  ) {
    self.input = input
    self.output = output
    self.window = window
    self.groups = groups
    self.inputZeroPoint = inputZeroPoint
  }

  /// Output pixels worked on at a time: enough to pay for widening a weight row, few enough for
  /// their windows to take little of a microcontroller's arena.
  private static var tilePixels: Int { 4 }

  /// Input channels that an output channel sees.
  private var depth: Int { input.channels / groups }

  /// Weights in the row of one output channel.
  private var rowLength: Int { window.taps &* depth }

  /// Scratch that `run` needs, aligned to 16 bytes.
  public var scratchBytes: Int64 {
    let pixels = Int64(Self.tilePixels)
    return (pixels &+ 1) &* paddedLength(Int64(rowLength)) &* 2 &+ pixels &* 4
  }

  /// - Parameters:
  ///   - input: [H][W][I] of `input`.
  ///   - weights: `bits` each (8 or 4), in rows of KH · KW · I / groups.
  ///   - bias: [O].
  ///   - output: [H][W][O] of `output`; does not overlap the input.
  ///   - scratch: `scratchBytes`.
  public func run(
    input: UnsafePointer<Int8>, weights: UnsafePointer<UInt8>, bits: Int,
    bias: UnsafePointer<Int32>, requantization: Requantization,
    output: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let rows = WeightRows(bytes: weights, bits: bits, length: rowLength)
    var area = ScratchArea(scratch)
    let weightRow = area.rows(1, length: rowLength)
    let windows = area.rows(Self.tilePixels, length: rowLength)
    let sums = area.sums(Self.tilePixels)
    let channels = self.output.channels
    let pixels = self.output.height &* self.output.width
    var first = 0
    while first < pixels {
      let count = min(Self.tilePixels, pixels &- first)
      for group in 0..<groups {
        gather(input, group: group, first: first, count: count, into: windows)
        for channel in group &* (channels / groups)..<(group &+ 1) &* (channels / groups) {
          rows.widen(row: channel, into: weightRow)
          accumulate(weightRow, windows, count: count, bias: bias[channel], into: sums)
          requantization.storeChannel(
            channel, sums, count: count, to: output + (first &* channels &+ channel),
            stride: channels)
        }
      }
      first &+= count
    }
  }

  /// The sums of one output channel for `count` pixels.
  @inline(__always)
  private func accumulate(
    _ weights: UnsafePointer<Int16>, _ windows: UnsafePointer<Int16>, count: Int,
    bias: Int32, into sums: UnsafeMutablePointer<Int32>
  ) {
    let length = paddedLength(rowLength)
    var pixel = 0
    while pixel &+ 4 <= count {
      fourDotProducts(
        weights, windows + pixel &* length, length: length, start: bias, into: sums + pixel)
      pixel &+= 4
    }
    while pixel < count {
      sums[pixel] = bias &+ dotProduct(weights, windows + pixel &* length, length: length)
      pixel &+= 1
    }
  }

  /// Writes the windows of output pixels first ..< first + count, one row each, in the weights'
  /// order.
  private func gather(
    _ pixels: UnsafePointer<Int8>, group: Int, first: Int, count: Int,
    into windows: UnsafeMutablePointer<Int16>
  ) {
    let depth = depth
    for pixel in 0..<count {
      let row = (first &+ pixel) / output.width
      let column = (first &+ pixel) % output.width
      let start = windows + pixel &* paddedLength(rowLength)
      clearRowEnd(start, length: rowLength)
      var target = start
      for tapRow in 0..<window.kernelHeight {
        let y = window.inputRow(output: row, tap: tapRow)
        for tapColumn in 0..<window.kernelWidth {
          let x = window.inputColumn(output: column, tap: tapColumn)
          if y >= 0 && y < input.height && x >= 0 && x < input.width {
            let source = pixels + (input.offset(row: y, column: x) &+ group &* depth)
            subtractZeroPoint(inputZeroPoint, from: source, count: depth, into: target)
          } else {
            target.update(repeating: 0, count: depth)
          }
          target += depth
        }
      }
    }
  }
}
