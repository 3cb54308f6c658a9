import CupelModelFormat

/// The output's elements, in their order in memory, on its grid.
public struct Constant<Storage: ConstantStorage>: ConstantOperator {
  public static var code: UInt8 { 20 }
  public static var name: StaticString { "constant" }
  public static var operandCounts: ClosedRange<Int> { 0...0 }
  public static var minorVersion: UInt16 { 1 }

  /// The values, in height, width, channel order; of 16 bits two bytes each, the lower first.
  public var elements: Storage.Bytes

  /// A tensor that is always the same.
  public init(_ elements: Storage.Bytes) { self.elements = elements }

  package init() { self.init(Storage.noBytes) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    coder.elements(&elements)
  }

  package func elementCount(output: Extent) -> Int? { output.elementCount }
}

extension Constant: Sendable where Storage: SendableStorage {}

extension Constant: RunnableOperator where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkElements(elements, count: context.output.elementCount)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    let target: UnsafeMutablePointer<Int8> = step.target(memory)
    target.update(from: elements, count: step.output.byteCount)
  }
}
