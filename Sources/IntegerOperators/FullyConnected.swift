import CIntegerKernels
import ModelFormat

/// Fully connected: acc[o] = bias[o] + Σ (x[f] − z_in) · w[o][f].
///
/// Weights are [O][F], a row an output; F counts the input's elements in their order in memory.
public struct FullyConnected<Storage: ConstantStorage>: WeightedOperator {
  public static var code: UInt8 { 3 }
  public static var name: StaticString { "fully connected" }

  package static var isFullyConnected: Bool { true }

  public var weights: Weights<Storage>

  public init(_ weights: Weights<Storage>) {
    self.weights = weights
  }

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

extension FullyConnected: RunnableOperator where Storage == InFile {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    let (input, output) = (context.input, context.output)
    guard output.height == 1, output.width == 1 else { throw context.error(.outputExtent) }
    try context.checkWeights(
      weights, shape: weightShape(input: input.extent, output: output.extent),
      constants: &constants)
  }

  private func kernel(_ step: Step) -> FullyConnectedKernel {
    FullyConnectedKernel(
      inputs: step.input.elementCount, outputs: step.output.channels,
      inputZeroPoint: Int32(step.input.zeroPoint))
  }

  package func scratchBytes(_ step: Step) -> Int64 {
    Step.runsDirectly
      ? Step.directScratchBytes(described(step, weights.requantization(step, isFullyConnected: true)))
      : kernel(step).scratchBytes
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let requantization = weights.requantization(step, isFullyConnected: true)
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
    result.input = cupel_extent(
      height: 1, width: 1, channels: Int32(step.input.elementCount))
    result.window = cupel_window(Window())
    weights.describe(requantization, in: &result)
    return result
  }

  package func description(_ step: Step) -> cupel_operation? {
    described(step, weights.requantization(step, isFullyConnected: true))
  }
}

/// The layer with its extents and its input's zero point.
public struct FullyConnectedKernel {
  /// F.
  public var inputs: Int
  /// O.
  public var outputs: Int
  public var inputZeroPoint: Int32

  @inlinable
  public init(inputs: Int, outputs: Int, inputZeroPoint: Int32) {
    self.inputs = inputs
    self.outputs = outputs
    self.inputZeroPoint = inputZeroPoint
  }

  /// Scratch that `run` needs, aligned to 16 bytes: the input and a weight row widened, and the
  /// sums.
  public var scratchBytes: Int64 {
    2 &* paddedLength(Int64(inputs)) &* 2 &+ Int64(outputs) &* 4
  }

  /// - Parameters:
  ///   - input: [F].
  ///   - weights: `bits` each (8 or 4), in rows of F.
  ///   - bias: [O].
  ///   - output: [O]; does not overlap the input.
  ///   - scratch: `scratchBytes`.
  public func run(
    input: UnsafePointer<Int8>, weights: UnsafePointer<UInt8>, bits: Int,
    bias: UnsafePointer<Int32>, requantization: Requantization,
    output: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    let rows = WeightRows(bytes: weights, bits: bits, length: inputs)
    var area = ScratchArea(scratch)
    let values = area.rows(1, length: inputs)
    let weightRow = area.rows(1, length: inputs)
    let sums = area.sums(outputs)
    subtractZeroPoint(inputZeroPoint, from: input, count: inputs, into: values)
    clearRowEnd(values, length: inputs)
    for channel in 0..<outputs {
      rows.widen(row: channel, into: weightRow)
      let product = dotProduct(values, weightRow, length: paddedLength(inputs))
      sums[channel] = bias[channel] &+ product
    }
    requantization.storePixel(sums, channels: outputs, to: output)
  }
}
