import CCupelIntegerKernels
import CupelModelFormat

/// What a layer with weights works between: its extents, and its input's zero point.
package struct LayerShape: Sendable {
  package var input, output: Extent
  package var inputZeroPoint: Int32
  /// Bytes of an accumulator.
  package var sumBytes: Int64

  package init(input: Extent, output: Extent, inputZeroPoint: Int32, sumBytes: Int64 = 4) {
    self.sumBytes = sumBytes
    self.input = input
    self.output = output
    self.inputZeroPoint = inputZeroPoint
  }
}

/// An operator with weights of a file, and its kernels.
package protocol WeightedKernel: WeightedOperator, RunnableOperator where Storage == InFile {
  /// Whether the machine may have kernels of its own for it.
  static var hasOtherKernels: Bool { get }
  /// Adds to a description what is the operator's own.
  func describe(in result: inout cupel_operation)
  /// Scratch that the reference kernel needs.
  func scratchBytes(_ layer: LayerShape) -> Int64
  /// The reference kernel.
  ///
  /// - Parameters:
  ///   - input: [H][W][I] of `layer.input`.
  ///   - output: [H][W][O] of `layer.output`; does not overlap the input.
  ///   - scratch: `scratchBytes`, aligned to 16 bytes.
  func run<Element: ActivationElement>(
    _ layer: LayerShape, input: UnsafePointer<Element>, _ requantization: Requantization,
    output: UnsafeMutablePointer<Element>, scratch: UnsafeMutableRawPointer)
}

extension WeightedKernel {
  package static var hasOtherKernels: Bool { true }
  package func describe(in result: inout cupel_operation) {}

  @inline(__always)
  private static func runsDirectly(_ step: Step) -> Bool {
    hasOtherKernels && Step.runsDirectly && !step.isWide
  }

  private func requantization(_ step: Step) -> Requantization {
    weights.requantization(step, isFullyConnected: Self.isFullyConnected)
  }

  private func described(_ step: Step, _ requantization: Requantization) -> cupel_operation {
    var result = step.shape
    describe(in: &result)
    requantization.describe(in: &result)
    return result
  }

  package func description(_ step: Step) -> cupel_operation? {
    Self.hasOtherKernels ? described(step, requantization(step)) : nil
  }

  package func scratchBytes(_ step: Step) -> Int64 {
    Self.runsDirectly(step)
      ? Step.directScratchBytes(described(step, requantization(step)))
      : scratchBytes(step.layer)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    let requantization = requantization(step)
    if Self.runsDirectly(step) {
      step.runDirectly(described(step, requantization), requantization, in: memory)
    } else if step.isWide {
      run(step, requantization, in: memory, on: Int16.self)
    } else {
      run(step, requantization, in: memory, on: Int8.self)
    }
  }

  @inline(__always)
  private func run<Element: ActivationElement>(
    _ step: Step, _ requantization: Requantization, in memory: StepMemory, on type: Element.Type
  ) {
    let target: UnsafeMutablePointer<Element> = step.target(memory)
    run(
      step.layer, input: step.source(memory), requantization, output: target,
      scratch: memory.scratch)
  }

  /// What is checked of every layer behind its window and groups.
  func checkWeights(_ context: inout OperationContext) throws(FormatError) {
    try context.checkWeights(
      weights, shape: weightShape(input: context.input.extent, output: context.output.extent),
      channelsAreColumns: Self.channelsAreColumns)
  }
}

extension Step {
  fileprivate var layer: LayerShape {
    LayerShape(
      input: input.extent, output: output.extent, inputZeroPoint: Int32(input.zeroPoint),
      sumBytes: isWide ? 8 : 4)
  }
}

/// A convolution in groups, of either direction: weights are [O][KH][KW][I / groups], a row an output
/// channel.
package protocol GroupedConvolution: WeightedOperator {
  var window: Window { get set }
  /// Divides the channels of input and output.
  var groups: Int { get set }
  init(_ window: Window, groups: Int, _ weights: Weights<Storage>)
}

extension GroupedConvolution {
  package init() { self.init(Window(), groups: 1, Weights()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    window.code(&coder)
    coder.number(8, &groups)
    weights.code(&coder)
  }

  package func places(input: Extent) -> Int { window.taps }

  package func weightShape(input: Extent, output: Extent) -> WeightShape? {
    guard groups >= 1, let taps = window.checkedTaps else { return nil }
    return WeightShape(rows: output.channels, taps: taps, length: depth(input))
  }

  /// Input channels that an output channel sees.
  func depth(_ input: Extent) -> Int { input.channels / groups }

  /// Weights in the row of one output channel.
  func rowLength(_ layer: LayerShape) -> Int { window.taps &* depth(layer.input) }

  func checkGroups(_ context: OperationContext) throws(FormatError) {
    guard groups >= 1, context.input.channels % groups == 0, context.output.channels % groups == 0
    else { throw context.error(.groups, parameter: 8) }
  }
}
