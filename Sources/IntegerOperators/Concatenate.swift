import CupelModelFormat

/// The inputs one after the other along an axis, on equal grids.
public struct Concatenate: Sendable, PlainOperator {
  public static var code: UInt8 { 11 }
  public static var name: StaticString { "concatenate" }
  public static var operandCounts: ClosedRange<Int> { 2...mostInputs }
  /// Inputs that one operation takes.
  public static var mostInputs: Int { Layout.mostOperands }

  /// 0 height, 1 width, 2 channels.
  public var axis: Int

  /// A concatenation along axis 0 height, 1 width or 2 channels.
  @inlinable
  public init(axis: Int) { self.axis = axis }

  package init() { self.init(axis: 0) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { coder.axis(&axis) }

  /// Copies `part` [H][W][C] to where its first element is `start` along the axis.
  public func copy<Element: ActivationElement>(
    _ part: UnsafePointer<Element>, extent: Extent, start: Int,
    output: UnsafeMutablePointer<Element>, to: Extent
  ) {
    let (top, left, front) = (axis == 0 ? start : 0, axis == 1 ? start : 0, axis == 2 ? start : 0)
    for row in 0..<extent.height {
      for column in 0..<extent.width {
        let place = to.offset(row: top &+ row, column: left &+ column) &+ front
        (output + place).update(
          from: part + extent.offset(row: row, column: column), count: extent.channels)
      }
    }
  }
}

extension Concatenate: ElementOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.demand(axis < 3, .axis, at: context.record.offset &+ Layout.Operation.axis)
    var sum: Int64 = 0
    for position in 0..<context.record.operandCount {
      let input = context.operand(position)
      try context.checkGrid(of: input)
      for other in 0..<3 where other != axis && input[axis: other] != context.output[axis: other] {
        throw context.error(.outputExtent)
      }
      sum = sum &+ Int64(input[axis: axis])
    }
    try context.demand(sum == Int64(context.output[axis: axis]), .outputExtent)
  }

  package func run<Element: ActivationElement>(
    _ step: Step, in memory: StepMemory, on type: Element.Type
  ) {
    let target: UnsafeMutablePointer<Element> = step.target(memory)
    var start = 0
    for position in 0..<step.operation.operands.count {
      let part = step.operand(position)
      copy(
        UnsafePointer(memory.elements(part)), extent: part.extent, start: start, output: target,
        to: step.output.extent)
      start &+= part[axis: axis]
    }
  }
}
