import CupelModelFormat

/// max(low, min(high, q)) on an unchanged grid.
public struct Clamp: Sendable, PlainOperator {
  public static var code: UInt8 { 8 }
  public static var name: StaticString { "clamp" }

  /// On the output's grid, low ≤ high.
  public var low, high: Int16

  /// A clamp to low … high, both on the grid.
  @inlinable
  public init(low: Int16, high: Int16) {
    self.low = low
    self.high = high
  }

  package init() { self.init(low: 0, high: 0) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { coder.bounds(&low, &high) }

  /// Both hold `count` elements; the output may be the input.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, count: Int, output: UnsafeMutablePointer<Element>
  ) {
    let (low, high) = (Element(truncatingIfNeeded: low), Element(truncatingIfNeeded: high))
    for index in 0..<count {
      output[index] = max(low, min(high, input[index]))
    }
  }
}

extension Clamp: ElementOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.checkGrid(of: context.input)
  }

  package func run<Element: ActivationElement>(
    _ step: Step, in memory: StepMemory, on type: Element.Type
  ) {
    let target: UnsafeMutablePointer<Element> = step.target(memory)
    run(input: step.source(memory), count: step.output.elementCount, output: target)
  }
}
