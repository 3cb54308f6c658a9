import ModelFormat

/// Transposed convolution: every input pixel adds its window of the kernel to the output, where
/// windows lie a stride apart.
///
/// Weights are [O][KH][KW][I / groups], a row an output channel:
/// acc[o] = bias[o] + Σ (x − z_in) · w[o][kh][kw][i] over the taps and input pixels whose place,
/// input · stride − padding + tap · dilation, is the output's. What falls outside the output is cut
/// off. Source: TensorFlow Lite's TRANSPOSE_CONV; ONNX's ConvTranspose.
public struct TransposeConvolution<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 21 }
  public static var name: StaticString { "transpose convolution" }
  public static var minorVersion: UInt16 { 2 }

  /// Slides over the output.
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
    // Weights lie in the file, so a pixel's taps number below 2³¹.
    Int64(input.elementCount) &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
      &* Int64(output.channels / groups)
  }

  package func places(input: Extent) -> Int { window.taps }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    guard groups >= 1, let taps = window.checkedTaps else { return nil }
    return WeightShape(rows: output.channels, taps: taps, length: input.channels / groups)
  }
}

extension TransposeConvolution: Sendable where Storage: SendableStorage {}

extension TransposeConvolution: RunnableOperator where Storage == InFile {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    guard groups >= 1, input.channels % groups == 0, output.channels % groups == 0 else {
      throw context.error(.groups, parameter: 8)
    }
    try context.checkWindow(sliding: output, places: input)
    try context.checkWeights(
      weights, shape: weightShape(input: input.extent, output: output.extent),
      constants: &constants)
  }

  private func kernel(_ step: Step) -> TransposeConvolutionKernel {
    TransposeConvolutionKernel(
      input: step.input.extent, output: step.output.extent, window: window, groups: groups,
      inputZeroPoint: Int32(step.input.zeroPoint))
  }

  package func scratchBytes(_ step: Step) -> Int64 { kernel(step).scratchBytes }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    kernel(step).run(
      input: step.source(arena), weights: weights.weights, bits: weights.bits, bias: weights.bias,
      requantization: weights.requantization(step), output: step.target(arena), scratch: scratch)
  }
}

/// The layer with its extents and its input's zero point.
public struct TransposeConvolutionKernel {
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

  /// Input channels that an output channel sees.
  private var depth: Int { input.channels / groups }

  /// Scratch that `run` needs, aligned to 16 bytes: a weight row widened, and the sums of a row of
  /// output pixels.
  public var scratchBytes: Int64 {
    paddedLength(Int64(window.taps) &* Int64(depth)) &* 2 &+ Int64(output.width) &* 4
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
    let length = window.taps &* depth
    let rows = WeightRows(bytes: weights, bits: bits, length: length)
    var area = ScratchArea(scratch)
    let weightRow = area.rows(1, length: length)
    let width = self.output.width
    let sums = area.sums(width)
    let channels = self.output.channels
    for channel in 0..<channels {
      rows.widen(row: channel, into: weightRow)
      let first = channel / (channels / groups) &* depth
      for row in 0..<self.output.height {
        sums.update(repeating: bias[channel], count: width)
        accumulate(input + first, weightRow, row: row, into: sums)
        requantization.storeChannel(
          channel, sums, count: width,
          to: output + (self.output.offset(row: row, column: 0) &+ channel), stride: channels)
      }
    }
  }

  /// Adds what reaches one row of the output from every row of the input.
  private func accumulate(
    _ pixels: UnsafePointer<Int8>, _ weights: UnsafePointer<Int16>, row: Int,
    into sums: UnsafeMutablePointer<Int32>
  ) {
    for tap in 0..<window.kernelHeight {
      // The input row, if any, whose window has this tap in this row of the output.
      let place = row &+ window.padTop &- tap &* window.dilationHeight
      guard place >= 0, place % window.strideHeight == 0 else { continue }
      let y = place / window.strideHeight
      guard y < input.height else { continue }
      let taps = weights + tap &* window.kernelWidth &* depth
      for x in 0..<input.width {
        scatter(pixels + input.offset(row: y, column: x), taps, column: x, into: sums)
      }
    }
  }

  /// Adds one input pixel times a row of the kernel.
  private func scatter(
    _ pixel: UnsafePointer<Int8>, _ taps: UnsafePointer<Int16>, column: Int,
    into sums: UnsafeMutablePointer<Int32>
  ) {
    let start = column &* window.strideWidth &- window.padLeft
    for tap in 0..<window.kernelWidth {
      let x = start &+ tap &* window.dilationWidth
      guard x >= 0, x < output.width else { continue }
      let weights = taps + tap &* depth
      var sum: Int32 = 0
      for channel in 0..<depth {
        sum &+= (Int32(pixel[channel]) &- inputZeroPoint) &* Int32(weights[channel])
      }
      sums[x] &+= sum
    }
  }
}
