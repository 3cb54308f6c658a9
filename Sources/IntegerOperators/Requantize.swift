import CIntegerKernels
import FixedPoint
import ModelFormat

/// To another grid: acc = q − z_in, scaled.
public struct Requantize: Sendable, PlainOperator {
  public static var code: UInt8 { 10 }
  public static var name: StaticString { "requantize" }

  public var rescale: Rescale

  public init(_ rescale: Rescale) { self.rescale = rescale }

  package init() { self.init(Rescale()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { rescale.code(&coder) }
}

extension Requantize: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.checkRescale(rescale, sum: Int64(context.input.largestMagnitude))
  }

  private func kernel(_ step: Step) -> RequantizeKernel {
    var own = rescale.tensorRescale(step)
    if let profile = step.profile, step.output.bits < step.input.bits {
      own.rounding = profile.narrowingMode
    }
    return RequantizeKernel(own)
  }

  package func scratchBytes(_ step: Step) -> Int64 { RequantizeKernel.scratchBytes }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    kernel(step).run(
      input: step.source(arena), count: step.output.elementCount, output: step.target(arena),
      scratch: scratch)
  }

  package func description(_ step: Step) -> cupel_operation? {
    var result = step.shape
    result.kind = CUPEL_REQUANTIZE
    kernel(step).rescale.describe(in: &result)
    return result
  }
}

/// There are only 256 inputs, so their outputs are worked out first and then looked up.
public struct RequantizeKernel {
  public var rescale: TensorRescale

  @inlinable
  public init(_ rescale: TensorRescale) {
    self.rescale = rescale
  }

  /// Scratch that `run` needs: the table.
  public static var scratchBytes: Int64 { 256 }

  /// Both hold `count` elements; the output may be the input.
  public func run(
    input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    var area = ScratchArea(scratch)
    let table = area.bytes(256)
    for value in Int32(-128)...127 {
      table[Int(value) &+ 128] = rescale.apply(to: value &- rescale.inputZeroPoint)
    }
    for index in 0..<count {
      output[index] = table[Int(input[index]) &+ 128]
    }
  }
}
