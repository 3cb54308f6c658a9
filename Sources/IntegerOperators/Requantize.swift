import CCupelIntegerKernels
import CupelFixedPoint
import CupelModelFormat

/// To another grid: acc = q − z_in, scaled.
public struct Requantize: Sendable, RescaleOperator {
  public static var code: UInt8 { 10 }
  public static var name: StaticString { "requantize" }
  public static var changesWidth: Bool { true }

  /// The way to the output's grid.
  public var rescale: Rescale

  /// A change of grids with this scale.
  public init(_ rescale: Rescale) { self.rescale = rescale }
}

extension Requantize: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    let hasForm =
      RuntimeArithmetic.isThere
      && XnnpackRequantization(
        input: context.input.scaleBits, output: context.output.scaleBits) != nil
    let known = RoundingModes.scalings | RoundingModes(.float32Steps)
    try context.checkRounding(
      rescale.rounding, known: hasForm ? known | RoundingModes(.xnnpack) : known)
    try context.checkRescale(rescale, sum: Int64(context.input.largestMagnitude))
  }

  private func tensorRescale(_ step: Step) -> TensorRescale {
    let scales = (step.input.scaleBits, step.output.scaleBits)
    let isNarrowing = step.output.bits < step.input.bits
    let mode =
      step.profile.map {
        isNarrowing
          ? $0.narrowingMode : $0.requantizationMode(input: scales.0, output: scales.1)
      } ?? rescale.rounding
    var result = rescale.tensorRescale(step, mode)
    if RuntimeArithmetic.isThere, mode == .xnnpack,
      let form = XnnpackRequantization(input: scales.0, output: scales.1)
    {
      // Which all kernels have.
      result.scale = form.outputScale
      result.rounding = .singleRounding
    }
    return result
  }

  /// The table, of 256 values.
  package func scratchBytes(_ step: Step) -> Int64 { step.isWide ? 0 : 256 }

  package func run(_ step: Step, in memory: StepMemory) {
    if step.isWide { return runWide(step, in: memory) }
    let source: UnsafePointer<Int8> = step.source(memory)
    let target: UnsafeMutablePointer<Int8> = step.target(memory)
    let own = tensorRescale(step)
    if RuntimeArithmetic.isThere, own.rounding == .float32Steps {
      Float32Elements(step, .float32Steps, low: rescale.low, high: rescale.high)
        .requantize(source, count: step.output.elementCount, output: target, memory.scratch)
    } else {
      own.requantize(
        source, count: step.output.elementCount, output: target, scratch: memory.scratch)
    }
  }

  /// To 16 bits, or from them.
  private func runWide(_ step: Step, in memory: StepMemory) {
    let own = rescale.tensorRescale(step, rescale.rounding)
    switch (step.input.isWide, step.output.isWide) {
    case (true, true): own.requantizeEach(step, memory, Int16.self, to: Int16.self)
    case (true, false): own.requantizeEach(step, memory, Int16.self, to: Int8.self)
    default: own.requantizeEach(step, memory, Int8.self, to: Int16.self)
    }
  }

  package func description(_ step: Step) -> cupel_operation? {
    let own = tensorRescale(step)
    if own.rounding == .float32Steps { return nil }
    var result = step.shape
    result.kind = CUPEL_REQUANTIZE
    own.describe(in: &result)
    return result
  }
}

extension TensorRescale {
  fileprivate func requantizeEach<Source: ActivationElement, Target: ActivationElement>(
    _ step: Step, _ memory: StepMemory, _ source: Source.Type, to target: Target.Type
  ) {
    let input: UnsafePointer<Source> = step.source(memory)
    let output: UnsafeMutablePointer<Target> = step.target(memory)
    for index in 0..<step.output.elementCount {
      let value = Int32(truncatingIfNeeded: input[index]) &- inputZeroPoint
      output[index] = Target(truncatingIfNeeded: apply(to: value))
    }
  }

  /// There are only 256 inputs, so their outputs are worked out first and then looked up. Both hold
  /// `count` elements; the output may be the input.
  ///
  /// - Parameter scratch: 256 bytes.
  public func requantize(
    _ input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let table = area.bytes(256)
    for value in Int32(-128)...127 {
      table[Int(value) &+ 128] = Int8(truncatingIfNeeded: apply(to: value &- inputZeroPoint))
    }
    for index in 0..<count {
      output[index] = table[Int(input[index]) &+ 128]
    }
  }
}
