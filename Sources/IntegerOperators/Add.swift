import CIntegerKernels
import FixedPoint
import ModelFormat

/// Addition of two activations on grids of their own, in TensorFlow Lite's integer arithmetic.
///
/// Both inputs, zero point taken off, are shifted left by 20 and scaled to a common grid by their
/// multiplier; the sum is scaled to the output's. All three scalings round twice
/// (`multiplyDoubleRounding`). With positive multipliers and shifts of 0 or less nothing overflows:
/// |q − z| · 2²⁰ < 2²⁸.
public struct Add: Sendable, PlainOperator {
  public static var code: UInt8 { 4 }
  public static var name: StaticString { "add" }
  public static var operandCounts: ClosedRange<Int> { 2...2 }

  public var scales: SumScales

  @inlinable
  public init(_ scales: SumScales) { self.scales = scales }

  package init() { self.init(SumScales()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { scales.code(&coder) }
}

extension Add: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    try context.checkSum(scales)
  }

  package func scratchBytes(_ step: Step) -> Int64 {
    Step.runsDirectly ? Step.directScratchBytes(described(step)) : 0
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    if Step.runsDirectly {
      step.runDirectly(described(step), nil, arena: arena, scratch: scratch)
    } else {
      scales.kernel(step).add(
        step.source(arena), step.secondSource(arena), count: step.output.elementCount,
        output: step.target(arena))
    }
  }

  package func description(_ step: Step) -> cupel_operation? { described(step) }

  private func described(_ step: Step) -> cupel_operation {
    let own = scales.kernel(step)
    var result = step.shape
    result.kind = CUPEL_ADD
    result.first = cupel_addend(own.first)
    result.second = cupel_addend(own.second)
    result.multiplier = own.output.multiplier
    result.shift = Int8(own.output.shift)
    result.rounding = Int32(RoundingMode.doubleRounding.rawValue)
    result.low = own.low
    result.high = own.high
    return result
  }
}

extension cupel_addend {
  fileprivate init(_ operand: SumKernel.Operand) {
    self.init(
      zero_point: operand.zeroPoint, multiplier: operand.multiplier, shift: operand.shift)
  }
}
