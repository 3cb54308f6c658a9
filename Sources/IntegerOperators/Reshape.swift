import CupelModelFormat

/// The same elements in the same order under another extent, on an unchanged grid.
public struct Reshape: Sendable, PlainOperator {
  public static var code: UInt8 { 18 }
  public static var name: StaticString { "reshape" }
  public static var minorVersion: UInt16 { 1 }

  /// A reshape, which has no parameters.
  @inlinable
  public init() {}

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {}
}

extension Reshape: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkGrid(of: context.input)
    try context.demand(context.output.elementCount == context.input.elementCount, .outputExtent)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    let target: UnsafeMutablePointer<Int8> = step.target(memory)
    target.update(from: step.source(memory), count: step.output.byteCount)
  }
}
