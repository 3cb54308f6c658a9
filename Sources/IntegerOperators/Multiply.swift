import FixedPoint
import ModelFormat

/// Product of two activations, element by element: acc = (q₁ − z₁) · (q₂ − z₂), brought to the
/// output's grid by the ratio s₁ · s₂ / s_out.
public struct Multiply: Sendable, PlainOperator {
  public static var code: UInt8 { 14 }
  public static var name: StaticString { "multiply" }
  public static var operandCounts: ClosedRange<Int> { 2...2 }
  public static var minorVersion: UInt16 { 1 }

  public var rescale: Rescale

  public init(_ rescale: Rescale) { self.rescale = rescale }

  package init() { self.init(Rescale()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { rescale.code(&coder) }
}

extension Multiply: RunnableOperator {
  /// Of two values, zero points taken off: 255² at most.
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    let second = context.operand(1)
    try context.checkSameExtent(as: context.input)
    try context.checkSameExtent(as: second)
    try context.checkRescale(
      rescale, sum: Int64(context.input.largestMagnitude) &* Int64(second.largestMagnitude))
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    MultiplyKernel(
      secondZeroPoint: Int32(step.second.zeroPoint), rescale: rescale.tensorRescale(step)
    ).run(
      step.source(arena), step.secondSource(arena), count: step.output.elementCount,
      output: step.target(arena))
  }
}

/// The product with its grids.
public struct MultiplyKernel {
  public var secondZeroPoint: Int32
  /// Its input's zero point is the first operand's.
  public var rescale: TensorRescale

  @inlinable
  public init(secondZeroPoint: Int32, rescale: TensorRescale) {
    self.secondZeroPoint = secondZeroPoint
    self.rescale = rescale
  }

  /// All three hold `count` elements; the output may be one of the inputs.
  public func run(
    _ first: UnsafePointer<Int8>, _ second: UnsafePointer<Int8>, count: Int,
    output: UnsafeMutablePointer<Int8>
  ) {
    for index in 0..<count {
      let product =
        (Int32(first[index]) &- rescale.inputZeroPoint) &* (Int32(second[index]) &- secondZeroPoint)
      output[index] = rescale.apply(to: product)
    }
  }
}
