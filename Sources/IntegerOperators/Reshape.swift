import ModelFormat

/// The same elements in the same order under another extent, on an unchanged grid.
public struct Reshape: Sendable, PlainOperator {
  public static var code: UInt8 { 18 }
  public static var name: StaticString { "reshape" }
  public static var minorVersion: UInt16 { 1 }

  @inlinable
  public init() {}

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {}
}

extension Reshape: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    try context.checkGrid(of: context.input)
    guard context.output.elementCount == context.input.elementCount else {
      throw context.error(.outputExtent)
    }
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    step.target(arena).update(from: step.source(arena), count: step.output.elementCount)
  }
}
