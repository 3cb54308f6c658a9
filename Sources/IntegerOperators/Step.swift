import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// One operation of a validated model with its tensors: what its operator is told to run on.
public struct Step {
  package let model: ModelView
  package let operation: OperationView
  package let input: TensorView
  package let output: TensorView
  /// Whose rounding is asked for; nil on 16 bits, where runtimes differ in layers alone.
  package let profile: DeploymentProfile?
  private let layerProfile: DeploymentProfile?
  /// Whether it works on 16 bits. A requantization is between that and fewer.
  package var isWide: Bool {
    @inline(__always) get { WideActivations.isThere && hasWideTensor }
  }
  private let hasWideTensor: Bool

  package init(_ model: ModelView, operation index: Int, profile: DeploymentProfile?) {
    self.model = model
    operation = model.operation(index)
    input = model.tensor(operation.input)
    output = model.tensor(operation.output)
    let isWide = input.isWide || output.isWide
    hasWideTensor = isWide
    layerProfile = profile
    self.profile = isWide ? nil : profile
  }

  /// The tensor that the operation reads at `position`.
  func operand(_ position: Int) -> TensorView { model.tensor(operation.operands[position]) }

  /// The second input of an operation that has two.
  var second: TensorView { operand(1) }

  /// A layer's rounding mode by the file, or that of the profile asked for.
  func rounding(_ written: RoundingMode, isFullyConnected: Bool = false) -> RoundingMode {
    guard let layerProfile else { return written }
    return isWide
      ? layerProfile.wideMode(written, isFullyConnected: isFullyConnected)
      : layerProfile.mode(isFullyConnected: isFullyConnected)
  }

  /// The file's arithmetic of additions, products and average pools, or that of the profile asked
  /// for.
  func elementRounding(_ written: RoundingMode) -> RoundingMode {
    profile?.elementMode(written) ?? written
  }

  /// Scratch that the operation needs.
  package var scratchBytes: Int64 {
    var visitor = ScratchBytes()
    return operation.record.show(to: &visitor, at: self) ?? 0
  }

  package func run(in memory: StepMemory) {
    var visitor = Run(memory: memory)
    _ = operation.record.show(to: &visitor, at: self)
  }

  /// As kernels for packed weights want it; nil for the operators that are left to the reference
  /// kernels.
  package var packable: cupel_operation? {
    if isWide { return nil }
    var visitor = Description()
    let description = operation.record.show(to: &visitor, at: self) ?? nil
    // Double arithmetic in integers is the reference kernels' alone.
    let isDouble = description?.rounding == Int32(RoundingMode.float64HalfAway.rawValue)
    return isDouble ? nil : description
  }
}

// Each visit is a function for each operator: what a program has of each can then be told.

private struct ScratchBytes: SiteVisitor {
  @inline(never)
  func visit<Own: RunnableOperator>(_ type: Own.Type, at step: Step) -> Int64 {
    Own(step.operation.record).scratchBytes(step)
  }
}

private struct Run: SiteVisitor {
  let memory: StepMemory

  @inline(never)
  func visit<Own: RunnableOperator>(_ type: Own.Type, at step: Step) {
    Own(step.operation.record).run(step, in: memory)
  }
}

private struct Description: SiteVisitor {
  func visit<Own: RunnableOperator>(_ type: Own.Type, at step: Step) -> cupel_operation? {
    Own(step.operation.record).description(step)
  }
}

extension Step {
  /// What is the same for every description.
  var shape: cupel_operation {
    var result = cupel_operation()
    result.input = cupel_extent(input.extent)
    result.output = cupel_extent(output.extent)
    result.groups = 1
    result.input_zero_point = Int32(input.zeroPoint)
    result.output_zero_point = Int32(output.zeroPoint)
    return result
  }

  /// Whether there are kernels of the machine that run convolutions, depthwise and fully connected
  /// ones among them, and additions from the model's own bytes. Known when this is compiled, so that
  /// either they or the reference kernels are left out of a program.
  @inline(__always)
  static var runsDirectly: Bool { cupel_runs_directly() != 0 }

  static func directScratchBytes(_ description: cupel_operation) -> Int64 {
    withUnsafePointer(to: description) { cupel_direct_scratch($0) }
  }

  /// - Parameter requantization: nil for an operation without weights.
  func runDirectly(
    _ description: cupel_operation, _ requantization: Requantization?, in memory: StepMemory
  ) {
    let (arena, last) = (memory.arena, operand(operation.operands.count &- 1))
    withUnsafePointer(to: description) { description in
      withUnsafePointer(to: requantization) { context in
        cupel_direct_run(
          description, arena + input.arenaOffset, arena + last.arenaOffset,
          arena + output.arenaOffset, memory.scratch,
          cupel_rescaler(store: Self.store, context: context))
      }
    }
  }

  /// `cupel_rescaler.store` with an optional `Requantization` as its context.
  private static var store:
    @convention(c) (
      UnsafeRawPointer?, Int32, UnsafePointer<Int32>?, Int32, UnsafeMutablePointer<Int8>?, Int32
    ) -> Void
  {
    { context, channel, sums, count, output, stride in
      guard let sums, let output,
        let own = context?.assumingMemoryBound(to: Requantization?.self).pointee
      else { return }
      own.storeRest(Int(channel), sums, count: Int(count), to: output, stride: Int(stride))
    }
  }

  /// Where the first input lies.
  func source<Element: ActivationElement>(_ memory: StepMemory) -> UnsafePointer<Element> {
    UnsafePointer(memory.elements(input))
  }

  /// Where the second of two inputs lies.
  func secondSource<Element: ActivationElement>(_ memory: StepMemory) -> UnsafePointer<Element> {
    UnsafePointer(memory.elements(second))
  }

  /// Where the output goes.
  func target<Element: ActivationElement>(_ memory: StepMemory) -> UnsafeMutablePointer<Element> {
    memory.elements(output)
  }
}

/// The memory that a step runs in.
package struct StepMemory {
  /// The tensors, where the model has planned them.
  let arena: UnsafeMutablePointer<Int8>
  /// `scratchBytes`, aligned to 16 bytes.
  let scratch: UnsafeMutableRawPointer

  package init(arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer) {
    self.arena = arena
    self.scratch = scratch
  }

  /// Where a tensor's elements lie.
  @inline(__always)
  func elements<Element: ActivationElement>(
    _ tensor: TensorView
  ) -> UnsafeMutablePointer<Element> {
    UnsafeMutableRawPointer(arena + tensor.arenaOffset)
      .bindMemory(to: Element.self, capacity: tensor.elementCount)
  }
}

extension TensorView {
  package var extent: Extent { Extent(height: height, width: width, channels: channels) }
}

extension cupel_extent {
  /// Extents of a validated file fit 32 bits.
  init(_ extent: Extent) {
    self.init(
      height: Int32(extent.height), width: Int32(extent.width), channels: Int32(extent.channels))
  }
}
