import CupelModelFormat

/// Constant padding on an unchanged grid. What follows the input on each axis comes from the
/// output's extent.
public struct Pad: Sendable, PlainOperator {
  public static var code: UInt8 { 9 }
  public static var name: StaticString { "pad" }

  /// Rows, columns and channels before the input's first.
  public var before: Axes
  /// Normally the zero point.
  public var value: Int16

  /// A pad by so many elements before the first of each axis.
  @inlinable
  public init(_ before: Axes, value: Int16) {
    self.before = before
    self.value = value
  }

  package init() { self.init(Axes(0, 0, 0), value: 0) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    before.code(&coder, at: 0)
    coder.gridValue(Layout.Operation.value, upper: Layout.Operation.upperLow, &value)
  }

  /// Input [H][W][C], output [H'][W'][C'], not overlapping; on each axis of `to` at least the input's
  /// extent and what lies before it.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    output.update(repeating: Element(truncatingIfNeeded: value), count: to.elementCount)
    for row in 0..<extent.height {
      for column in 0..<extent.width {
        let place = to.offset(row: before.height &+ row, column: before.width &+ column)
        (output + (place &+ before.channels)).update(
          from: input + extent.offset(row: row, column: column), count: extent.channels)
      }
    }
  }
}

extension Pad: ShapeOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkGrid(of: context.input)
    for axis in 0..<3 {
      let end = Int64(before[axis]) &+ Int64(context.input[axis: axis])
      let isInside = before[axis] >= 0 && end <= Int64(context.output[axis: axis])
      try context.demand(isInside, .padding, parameter: axis)
    }
    try context.demand(
      context.isOnGrid(value), .clampRange, at: context.record.offset &+ Layout.Operation.value)
  }
}
