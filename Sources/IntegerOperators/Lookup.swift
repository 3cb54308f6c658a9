import CupelModelFormat

/// Any function of one value: output = table[q + 128].
public struct Lookup<Storage: ConstantStorage>: ConstantOperator {
  public static var code: UInt8 { 16 }
  public static var name: StaticString { "lookup" }
  public static var minorVersion: UInt16 { 1 }
  /// Entries of a table: one for each int8, −128 first.
  package static var size: Int { 256 }

  /// 256 values: the first for −128, the last for 127.
  public var table: Storage.Bytes
  /// What the table's values are; nil where nobody says.
  public var function: TableFunction?

  /// A lookup in that table, of the function where it is known.
  public init(table: Storage.Bytes, function: TableFunction? = nil) {
    self.table = table
    self.function = function
  }

  package init() { self.init(table: Storage.noBytes) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
  where Coder.Storage == Storage {
    coder.elements(&table)
    TableFunction.code(&function, &coder)
  }

  package func elementCount(output: Extent) -> Int? { Self.size }
}

extension Lookup: Sendable where Storage: SendableStorage {}

extension Lookup: RunnableOperator where Storage == InFile {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.demand(context.input.bits == 8, .grids)
    try context.checkElements(table, count: Self.size)
    try context.checkFunction(function, of: table)
  }

  /// Both hold `count` elements; the output may be the input.
  public func run(input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>) {
    for index in 0..<count {
      output[index] = table[Int(input[index]) &+ 128]
    }
  }

  package func run(_ step: Step, in memory: StepMemory) {
    run(input: step.source(memory), count: step.output.elementCount, output: step.target(memory))
  }
}
