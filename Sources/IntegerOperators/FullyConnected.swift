import CCupelIntegerKernels
import CupelModelFormat

/// Fully connected: acc[o] = bias[o] + Σ (x[f] − z_in) · w[o][f].
///
/// Weights are [O][F], a row an output; F counts the input's elements in their order in memory.
public struct FullyConnected<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 3 }
  public static var name: StaticString { "fully connected" }

  package static var isFullyConnected: Bool { true }

  /// Weights, biases and what scales them.
  public var weights: Weights<Storage>

  /// A layer with these weights.
  public init(_ weights: Weights<Storage>) { self.weights = weights }

  package init() { self.init(Weights()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    weights.code(&coder)
  }

  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 {
    Int64(output.elementCount) &* Int64(input.elementCount)
  }

  package func places(input: Extent) -> Int { input.height &* input.width }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    WeightShape(rows: output.channels, length: input.elementCount)
  }
}

extension FullyConnected: Sendable where Storage: SendableStorage {}

extension FullyConnected: RunnableOperator, WeightedKernel where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.demand(context.output.height == 1 && context.output.width == 1, .outputExtent)
    try checkWeights(&context)
  }

  /// As a convolution of one pixel.
  package func describe(in result: inout cupel_operation) {
    result.kind = CUPEL_CONVOLUTION
    let inputs = result.input.height &* result.input.width &* result.input.channels
    result.input = cupel_extent(height: 1, width: 1, channels: inputs)
    result.window = cupel_window(Window())
  }

  /// The input and a weight row widened, and the sums.
  package func scratchBytes(_ layer: LayerShape) -> Int64 {
    2 &* paddedLength(Int64(layer.input.elementCount)) &* 2 &+ Int64(layer.output.channels) &* layer.sumBytes
  }

  package func run<Element: ActivationElement>(
    _ layer: LayerShape, input: UnsafePointer<Element>, _ requantization: Requantization,
    output: UnsafeMutablePointer<Element>, scratch: UnsafeMutableRawPointer
  ) {
    let (inputs, outputs) = (layer.input.elementCount, layer.output.channels)
    let weights = weights  // A copy, whose fields loops keep in registers.
    var area = ScratchArea(scratch)
    let values = area.rows(1, length: inputs)
    let weightRow = area.rows(1, length: inputs)
    let sums = area.sums(outputs, of: Element.Accumulator.self)
    subtractZeroPoint(layer.inputZeroPoint, from: input, count: inputs, into: values)
    clearRowEnd(values, length: inputs)
    for channel in 0..<outputs {
      weights.widen(row: channel, length: inputs, into: weightRow)
      let product = Element.dotProduct(values, weightRow, length: paddedLength(inputs))
      sums[channel] = weights.start(channel) &+ product
    }
    requantization.storePixel(sums, channels: outputs, to: output)
  }
}
