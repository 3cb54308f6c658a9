import CupelModelFormat

/// Repetition along the axes on which the input has one element, on an unchanged grid.
public struct Broadcast: Sendable, PlainOperator {
  public static var code: UInt8 { 19 }
  public static var name: StaticString { "broadcast" }
  public static var minorVersion: UInt16 { 1 }

  /// A broadcast, which has no parameters.
  @inlinable
  public init() {}

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {}

  /// Input [H][W][C], each the output's or 1; not overlapping.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    var target = output
    for row in 0..<to.height {
      for column in 0..<to.width {
        let pixel = extent.offset(
          row: extent.height == 1 ? 0 : row, column: extent.width == 1 ? 0 : column)
        if extent.channels == 1 {
          target.update(repeating: input[pixel], count: to.channels)
        } else {
          target.update(from: input + pixel, count: to.channels)
        }
        target += to.channels
      }
    }
  }
}

extension Broadcast: ShapeOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkGrid(of: context.input)
    for axis in 0..<3 {
      let extent = context.input[axis: axis]
      try context.demand(extent == 1 || extent == context.output[axis: axis], .outputExtent)
    }
  }
}
