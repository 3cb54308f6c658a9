import CCupelIntegerKernels
import CupelModelFormat

/// Fully connected: acc[r][o] = bias[o] + Σ (x[r][f] − z_in) · w[o][f].
///
/// Weights are [O][F], a row an output. The input's elements, in their order in memory, are so many
/// rows of F; each gives a pixel of the output.
public struct FullyConnected<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 3 }
  public static var name: StaticString { "fully connected" }

  package static var isFullyConnected: Bool { true }

  /// Weights, biases and what scales them.
  public var weights: Weights<Storage>
  /// Feature vectors that the input holds; 1 or more.
  public var rows: Int

  /// A layer with these weights.
  public init(_ weights: Weights<Storage>, rows: Int = 1) {
    self.weights = weights
    self.rows = rows
  }

  package init() { self.init(Weights()) }

  /// Parameter 0 counts the rows behind the first.
  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    var more = rows &- 1
    coder.number(0, &more)
    if more != 0 { coder.require(minor: 4) }
    rows = more &+ 1
    weights.code(&coder)
  }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    Int64(output.channels) &* Int64(input.elementCount)
  }

  /// A row of several is no image.
  package func places(input: Extent) -> Int { rows == 1 ? input.height &* input.width : 1 }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    guard rows >= 1, input.elementCount % rows == 0 else { return nil }
    return WeightShape(rows: output.channels, length: input.elementCount / rows)
  }
}

extension FullyConnected: Sendable where Storage: SendableStorage {}

extension FullyConnected: RunnableOperator, WeightedKernel where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    let output = context.output
    try context.demand(rows >= 1 && output.height &* output.width == rows, .outputExtent)
    try checkWeights(&context)
  }

  /// As a convolution whose kernel is one pixel, over a pixel for each row.
  package func describe(in result: inout cupel_operation) {
    result.kind = CUPEL_CONVOLUTION
    let inputs = result.input.height &* result.input.width &* result.input.channels
    result.input = cupel_extent(
      height: result.output.height, width: result.output.width, channels: inputs / Int32(rows))
    result.window = cupel_window(Window())
  }

  /// A row of the input and one of weights widened, and the sums.
  package func scratchBytes(_ layer: LayerShape) -> Int64 {
    2 &* paddedLength(Int64(layer.input.elementCount / rows)) &* 2
      &+ Int64(layer.output.channels) &* layer.sumBytes
  }

  package func run<Element: ActivationElement>(
    _ layer: LayerShape, input: UnsafePointer<Element>, _ requantization: Requantization,
    output: UnsafeMutablePointer<Element>, scratch: UnsafeMutableRawPointer
  ) {
    let (inputs, outputs) = (layer.input.elementCount / rows, layer.output.channels)
    let weights = weights  // A copy, whose fields loops keep in registers.
    var area = ScratchArea(scratch)
    let values = area.rows(1, length: inputs)
    let weightRow = area.rows(1, length: inputs)
    let sums = area.sums(outputs, of: Element.Accumulator.self)
    for row in 0..<rows {
      let source = input + row &* inputs
      subtractZeroPoint(layer.inputZeroPoint, from: source, count: inputs, into: values)
      clearRowEnd(values, length: inputs)
      for channel in 0..<outputs {
        weights.widen(row: channel, length: inputs, into: weightRow)
        let product = Element.dotProduct(values, weightRow, length: paddedLength(inputs))
        sums[channel] = weights.start(channel) &+ product
      }
      requantization.storePixel(sums, channels: outputs, to: output + row &* outputs)
    }
  }
}
