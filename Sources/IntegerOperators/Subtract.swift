import ModelFormat

/// The first activation less the second, in the arithmetic of `SumKernel`.
public struct Subtract: Sendable, PlainOperator {
  public static var code: UInt8 { 13 }
  public static var name: StaticString { "subtract" }
  public static var operandCounts: ClosedRange<Int> { 2...2 }
  public static var minorVersion: UInt16 { 1 }

  public var scales: SumScales

  @inlinable
  public init(_ scales: SumScales) { self.scales = scales }

  package init() { self.init(SumScales()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { scales.code(&coder) }
}

extension Subtract: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    try context.checkSum(scales)
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    scales.kernel(step).subtract(
      step.source(arena), step.secondSource(arena), count: step.output.elementCount,
      output: step.target(arena))
  }
}
