import CupelModelFormat

/// Transposed convolution: every input pixel adds its window of the kernel to the output, where
/// windows lie a stride apart.
///
/// Weights are [O][KH][KW][I / groups], a row an output channel:
/// acc[o] = bias[o] + Σ (x − z_in) · w[o][kh][kw][i] over the taps and input pixels whose place,
/// input · stride − padding + tap · dilation, is the output's. What falls outside the output is cut
/// off. Source: TensorFlow Lite's TRANSPOSE_CONV; ONNX's ConvTranspose.
public struct TransposeConvolution<Storage: ConstantStorage>: GroupedConvolution {
  public static var code: UInt8 { 21 }
  public static var name: StaticString { "transpose convolution" }
  public static var minorVersion: UInt16 { 2 }

  /// Slides over the output.
  public var window: Window
  /// Divides the channels of input and output.
  public var groups: Int
  /// Weights, biases and what scales them.
  public var weights: Weights<Storage>

  /// A transposed convolution of so many groups.
  public init(_ window: Window, groups: Int, _ weights: Weights<Storage>) {
    self.window = window
    self.groups = groups
    self.weights = weights
  }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    // Weights lie in the file, so a pixel's taps number below 2³¹.
    window.visits(input) &* Int64(output.channels / groups)
  }
}

extension TransposeConvolution: Sendable where Storage: SendableStorage {}

extension TransposeConvolution: RunnableOperator, WeightedKernel where Storage == InFile {
  package static var hasOtherKernels: Bool { false }

  package func check(_ context: inout OperationContext) throws(FormatError) {
    try checkGroups(context)
    try context.checkWindow(sliding: context.output, places: context.input)
    try checkWeights(&context)
  }

  /// A weight row widened, and the sums of a row of output pixels.
  package func scratchBytes(_ layer: LayerShape) -> Int64 {
    paddedLength(Int64(rowLength(layer))) &* 2 &+ Int64(layer.output.width) &* layer.sumBytes
  }

  package func run<Element: ActivationElement>(
    _ layer: LayerShape, input: UnsafePointer<Element>, _ requantization: Requantization,
    output: UnsafeMutablePointer<Element>, scratch: UnsafeMutableRawPointer
  ) {
    let length = rowLength(layer)
    let weights = weights  // A copy, whose fields loops keep in registers.
    var area = ScratchArea(scratch)
    let weightRow = area.rows(1, length: length)
    let (width, channels) = (layer.output.width, layer.output.channels)
    let sums = area.sums(width, of: Element.Accumulator.self)
    for channel in 0..<channels {
      weights.widen(row: channel, length: length, into: weightRow)
      let first = channel / (channels / groups) &* depth(layer.input)
      for row in 0..<layer.output.height {
        sums.update(repeating: weights.start(channel), count: width)
        accumulate(layer, input + first, weightRow, row: row, into: sums)
        let target = output + (layer.output.offset(row: row, column: 0) &+ channel)
        // Where the other layers run directly, their small way to the grid is there already.
        if Step.runsDirectly {
          requantization.storeRest(channel, sums, count: width, to: target, stride: channels)
        } else {
          requantization.storeChannel(channel, sums, count: width, to: target, stride: channels)
        }
      }
    }
  }

  /// Adds what reaches one row of the output from every row of the input.
  private func accumulate<Element: ActivationElement>(
    _ layer: LayerShape, _ pixels: UnsafePointer<Element>, _ weights: UnsafePointer<Int16>,
    row: Int, into sums: UnsafeMutablePointer<Element.Accumulator>
  ) {
    for tap in 0..<window.kernelHeight {
      // The input row, if any, whose window has this tap in this row of the output.
      let place = row &+ window.padTop &- tap &* window.dilationHeight
      guard place >= 0, place % window.strideHeight == 0 else { continue }
      let y = place / window.strideHeight
      guard y < layer.input.height else { continue }
      let taps = weights + tap &* window.kernelWidth &* depth(layer.input)
      for x in 0..<layer.input.width {
        let pixel = pixels + layer.input.offset(row: y, column: x)
        scatter(layer, pixel, taps, column: x, into: sums)
      }
    }
  }

  /// Adds one input pixel times a row of the kernel.
  private func scatter<Element: ActivationElement>(
    _ layer: LayerShape, _ pixel: UnsafePointer<Element>, _ taps: UnsafePointer<Int16>,
    column: Int, into sums: UnsafeMutablePointer<Element.Accumulator>
  ) {
    let depth = depth(layer.input)
    let start = column &* window.strideWidth &- window.padLeft
    for tap in 0..<window.kernelWidth {
      let x = start &+ tap &* window.dilationWidth
      guard x >= 0, x < layer.output.width else { continue }
      let weights = taps + tap &* depth
      var sum: Element.Accumulator = 0
      for channel in 0..<depth {
        let value = Int32(truncatingIfNeeded: pixel[channel]) &- layer.inputZeroPoint
        sum &+= Element.Accumulator(truncatingIfNeeded: value &* Int32(weights[channel]))
      }
      sums[x] &+= sum
    }
  }
}
