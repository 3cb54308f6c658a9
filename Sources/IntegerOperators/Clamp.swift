import CupelModelFormat

/// max(low, min(high, q)) on an unchanged grid.
public struct Clamp: Sendable, PlainOperator {
  public static var code: UInt8 { 8 }
  public static var name: StaticString { "clamp" }

  /// On the output's grid, low ≤ high.
  public var low, high: Int8

  /// A clamp to low … high, both on the grid.
  @inlinable
  public init(low: Int8, high: Int8) {
    self.low = low
    self.high = high
  }

  package init() { self.init(low: 0, high: 0) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { coder.bounds(&low, &high) }

  /// Both hold `count` elements; the output may be the input.
  public func run(input: UnsafePointer<Int8>, count: Int, output: UnsafeMutablePointer<Int8>) {
    for index in 0..<count {
      output[index] = max(low, min(high, input[index]))
    }
  }
}

extension Clamp: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.checkGrid(of: context.input)
  }

  package func run(_ step: Step, in memory: StepMemory) {
    run(input: step.source(memory), count: step.output.elementCount, output: step.target(memory))
  }
}
