import CCupelIntegerKernels
import CupelModelFormat

/// What an operation computes: one type an operator, in a file of its own with its record, its
/// check and its reference kernel. `docs/format.md` defines each.
public protocol IntegerOperator: Equatable {
  /// The code in the first byte of an operation's record.
  static var code: UInt8 { get }
  /// For people.
  static var name: StaticString { get }
  /// How many tensors it reads.
  static var operandCounts: ClosedRange<Int> { get }
  /// The oldest minor version of the format that has it.
  static var minorVersion: UInt16 { get }

  /// Whether it may be between tensors of 16 bits and others.
  static var changesWidth: Bool { get }

  /// Multiply-accumulates: taps times outputs, padding counted as if it were data.
  func multiplyAccumulates(input: Extent, output: Extent) -> Int64
  /// Input elements that windows visit; nil for an operator without windows.
  func visits(input: Extent, output: Extent) -> Int64?
}

extension IntegerOperator {
  public static var operandCounts: ClosedRange<Int> { 1...1 }
  public static var minorVersion: UInt16 { 0 }
  public static var changesWidth: Bool { false }
  public func multiplyAccumulates(input: Extent, output: Extent) -> Int64 { 0 }
  public func visits(input: Extent, output: Extent) -> Int64? { nil }
}

/// An operator without constants: the same in a file and in memory.
package protocol PlainOperator: IntegerOperator {
  init()
  /// Goes through the fields.
  mutating func code<Coder: RecordCoder>(_ coder: inout Coder)
}

extension PlainOperator {
  @inline(__always)
  package init<Coder: RecordCoder>(reading coder: inout Coder) {
    self.init()
    if Self.minorVersion > 0 { coder.require(minor: Self.minorVersion) }
    code(&coder)
  }
}

/// An operator with constants.
package protocol ConstantOperator: IntegerOperator {
  associatedtype Storage: ConstantStorage
  init()
  /// Goes through the fields, constants among them.
  mutating func code<Coder: RecordCoder>(_ coder: inout Coder) where Coder.Storage == Storage
  /// How many table entries or elements there must be, of the output's size; nil for an operator that has none.
  func elementCount(output: Extent) -> Int?
}

extension ConstantOperator {
  package func elementCount(output: Extent) -> Int? { nil }

  @inline(__always)
  package init<Coder: RecordCoder>(reading coder: inout Coder) where Coder.Storage == Storage {
    self.init()
    if Self.minorVersion > 0 { coder.require(minor: Self.minorVersion) }
    code(&coder)
  }
}

/// An operator with weights.
package protocol WeightedOperator: ConstantOperator {
  var weights: Weights<Storage> { get set }
  /// How the weights are cut into rows; nil where the numbers do not fit.
  func weightShape(input: Extent, output: Extent) -> WeightShape?
  /// Places of the kernel, or of the image, whose weights are apart for each input channel: weights
  /// count places before input channels, where a float graph counts channels before places.
  func places(input: Extent) -> Int
  /// Whether an output channel's weights are a column, not a row.
  static var channelsAreColumns: Bool { get }
  /// Whether runtimes round it as a fully connected layer.
  static var isFullyConnected: Bool { get }
}

extension WeightedOperator {
  package static var channelsAreColumns: Bool { false }
  package static var isFullyConnected: Bool { false }
}

/// An operator of a file: it can be judged and run.
package protocol RunnableOperator: IntegerOperator {
  init(reading reader: inout RecordReader)
  /// Judges what the kind itself demands: extents, grids, parameters, constants, bounds.
  func check(_ context: inout OperationContext) throws(FormatError)
  /// Scratch that `run` needs.
  func scratchBytes(_ step: Step) -> Int64
  /// The reference kernel, or the processor's own that runs from the model's bytes.
  func run(_ step: Step, in memory: StepMemory)
  /// The operation as the kernels of the instruction sets want it described; nil where they have
  /// none for it.
  func description(_ step: Step) -> cupel_operation?
}

extension RunnableOperator {
  @inline(__always)
  package init(_ record: OperationRecord) {
    var reader = RecordReader(record)
    self.init(reading: &reader)
  }

  package func scratchBytes(_ step: Step) -> Int64 { 0 }
  package func description(_ step: Step) -> cupel_operation? { nil }
}

/// An operator of one input without scratch, whose kernel needs no more than the two extents.
package protocol ShapeOperator: ElementOperator {
  /// Input [H][W][C] of `extent`, output [H'][W'][C'] of `to`, not overlapping.
  func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent)
}

extension ShapeOperator {
  package func run<Element: ActivationElement>(
    _ step: Step, in memory: StepMemory, on type: Element.Type
  ) {
    let target: UnsafeMutablePointer<Element> = step.target(memory)
    run(
      input: step.source(memory), extent: step.input.extent, output: target,
      to: step.output.extent)
  }
}
