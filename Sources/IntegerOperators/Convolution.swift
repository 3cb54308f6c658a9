import CCupelIntegerKernels
import CupelModelFormat

/// Convolution with groups, strides, dilations and padding.
///
/// Weights are [O][KH][KW][I / groups], a row an output channel. Output channel o of group g sees
/// the input channels of group g:
/// acc = bias[o] + Σ (x − z_in) · w, over the taps that lie inside the input; padding is z_in and
/// adds nothing.
///
/// Works on a few output pixels at a time: their windows are gathered as int16 rows with the zero
/// point taken off, and every weight row is widened once for all of them.
public struct Convolution<Storage: ConstantStorage>: GroupedConvolution {
  public static var code: UInt8 { 1 }
  public static var name: StaticString { "convolution" }

  /// Kernel, strides, dilations and padding.
  public var window: Window
  /// Divides the channels of input and output.
  public var groups: Int
  /// Weights, biases and what scales them.
  public var weights: Weights<Storage>

  /// A convolution of so many groups.
  public init(_ window: Window, groups: Int, _ weights: Weights<Storage>) {
    self.window = window
    self.groups = groups
    self.weights = weights
  }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    // Weights lie in the file, so an output's taps number below 2³¹.
    window.visits(output) &* Int64(depth(input))
  }
}

extension Convolution: Sendable where Storage: SendableStorage {}

extension Convolution: RunnableOperator, WeightedKernel where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try checkGroups(context)
    try context.checkWindow(sliding: context.input, places: context.output)
    try checkWeights(&context)
  }

  package func describe(in result: inout cupel_operation) {
    result.kind = CUPEL_CONVOLUTION
    result.window = cupel_window(window)
    result.groups = Int32(groups)
  }

  /// Output pixels worked on at a time: enough to pay for widening a weight row, few enough for
  /// their windows to take little of a microcontroller's arena.
  private static var tilePixels: Int { 4 }

  package func scratchBytes(_ layer: LayerShape) -> Int64 {
    let pixels = Int64(Self.tilePixels)
    return (pixels &+ 1) &* paddedLength(Int64(rowLength(layer))) &* 2 &+ pixels &* layer.sumBytes
  }

  package func run<Element: ActivationElement>(
    _ layer: LayerShape, input: UnsafePointer<Element>, _ requantization: Requantization,
    output: UnsafeMutablePointer<Element>, scratch: UnsafeMutableRawPointer
  ) {
    let length = rowLength(layer)
    let weights = weights  // A copy, whose fields loops keep in registers.
    var area = ScratchArea(scratch)
    let weightRow = area.rows(1, length: length)
    let windows = area.rows(Self.tilePixels, length: length)
    let sums = area.sums(Self.tilePixels, of: Element.Accumulator.self)
    let channels = layer.output.channels
    let pixels = layer.output.height &* layer.output.width
    var first = 0
    while first < pixels {
      let count = min(Self.tilePixels, pixels &- first)
      for group in 0..<groups {
        gather(layer, input, group: group, first: first, count: count, into: windows)
        for channel in group &* (channels / groups)..<(group &+ 1) &* (channels / groups) {
          weights.widen(row: channel, length: length, into: weightRow)
          accumulate(
            weightRow, windows, length: paddedLength(length), count: count,
            bias: weights.start(channel), into: sums, on: Element.self)
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
  private func accumulate<Element: ActivationElement>(
    _ weights: UnsafePointer<Int16>, _ windows: UnsafePointer<Int16>, length: Int, count: Int,
    bias: Element.Accumulator, into sums: UnsafeMutablePointer<Element.Accumulator>,
    on type: Element.Type
  ) {
    var pixel = 0
    while pixel &+ 4 <= count {
      Element.fourDotProducts(
        weights, windows + pixel &* length, length: length, start: bias, into: sums + pixel)
      pixel &+= 4
    }
    while pixel < count {
      sums[pixel] = bias &+ Element.dotProduct(windows + pixel &* length, weights, length: length)
      pixel &+= 1
    }
  }

  /// Writes the windows of output pixels first ..< first + count, one row each, in the weights'
  /// order.
  private func gather<Element: ActivationElement>(
    _ layer: LayerShape, _ pixels: UnsafePointer<Element>, group: Int, first: Int, count: Int,
    into windows: UnsafeMutablePointer<Int16>
  ) {
    let input = layer.input
    let depth = depth(input)
    let length = rowLength(layer)
    for pixel in 0..<count {
      let row = (first &+ pixel) / layer.output.width
      let column = (first &+ pixel) % layer.output.width
      let start = windows + pixel &* paddedLength(length)
      clearRowEnd(start, length: length)
      var target = start
      for tapRow in 0..<window.kernelHeight {
        let y = window.inputRow(output: row, tap: tapRow)
        for tapColumn in 0..<window.kernelWidth {
          let x = window.inputColumn(output: column, tap: tapColumn)
          if y >= 0 && y < input.height && x >= 0 && x < input.width {
            let source = pixels + (input.offset(row: y, column: x) &+ group &* depth)
            subtractZeroPoint(layer.inputZeroPoint, from: source, count: depth, into: target)
          } else {
            target.update(repeating: 0, count: depth)
          }
          target += depth
        }
      }
    }
  }
}
