import CupelFixedPoint
import CupelModelFormat

/// A function of each value of 16 bits, where a table of all would take 128 KiB: worked out in fixed
/// point, as TensorFlow Lite's kernels of int16 do, with numbers that follow from the grids alone.
public struct WideFunction: Sendable, PlainOperator {
  public static var code: UInt8 { 40 }
  public static var name: StaticString { "function" }

  /// Its code and arithmetic stand as those of a lookup: `fixedPoint` is the only arithmetic, and
  /// not every function has a kernel.
  public var function: TableFunction?

  /// The function of each value.
  public init(_ function: TableFunction) { self.function = function }

  package init() { function = nil }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    TableFunction.code(&function, &coder)
  }
}

extension WideFunction: RunnableOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkSameExtent(as: context.input)
    try context.demand(context.output.isWide, .bits)
    guard let function, function.hasSlope,
      WideFunctionKernel(
        function, input: context.input.scaleBits, output: context.output.scaleBits) != nil
    else { throw context.error(.table, parameter: 0) }
  }

  package func run(_ step: Step, in memory: StepMemory) {
    guard let function,
      let kernel = WideFunctionKernel(
        function, input: step.input.scaleBits, output: step.output.scaleBits)
    else { return }
    let target: UnsafeMutablePointer<Int16> = step.target(memory)
    kernel.run(step.source(memory), count: step.output.elementCount, output: target)
  }
}

/// A function between two grids of 16 bits, whose zero points are 0.
public struct WideFunctionKernel: Sendable {
  /// What each function may be.
  enum Form {
    case saturating(SaturatingFunction)
    case sided(SidedFunction)
  }

  private let form: Form

  /// - Parameters:
  ///   - function: in fixed point.
  ///   - input, output: scales, as float32 bits.
  /// - Returns: nil where TensorFlow Lite has no kernel for it.
  public init?(_ function: TableFunction, input: UInt32, output: UInt32) {
    guard let form = function.wide(input: input, output: output) else { return nil }
    self.form = form
  }

  /// Both hold `count` elements; the output may be the input.
  public func run(
    _ input: UnsafePointer<Int16>, count: Int, output: UnsafeMutablePointer<Int16>
  ) {
    switch form {
    case .saturating(let function):
      for index in 0..<count { output[index] = function.value(input[index]) }
    case .sided(let function):
      for index in 0..<count { output[index] = function.value(input[index]) }
    }
  }
}
