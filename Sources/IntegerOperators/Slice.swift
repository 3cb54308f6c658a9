import CupelModelFormat

/// A strided slice on an unchanged grid: element (h, w, c) of the output is input element
/// start + step · index on each axis.
public struct Slice: Sendable, PlainOperator {
  public static var code: UInt8 { 12 }
  public static var name: StaticString { "slice" }

  /// Of the first element on each axis.
  public var start: Axes
  /// From one element to the next, at least 1.
  public var step: Axes

  /// A slice by the first index and the step of each axis.
  @inlinable
  public init(start: Axes, step: Axes) {
    self.start = start
    self.step = step
  }

  package init() { self.init(start: Axes(0, 0, 0), step: Axes(1, 1, 1)) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) {
    start.code(&coder, at: 0)
    step.code(&coder, at: 3)
  }

  /// Input [H][W][C], output [H'][W'][C'], not overlapping.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    var target = output
    for row in 0..<to.height {
      for column in 0..<to.width {
        let pixel = extent.offset(
          row: start.height &+ step.height &* row, column: start.width &+ step.width &* column)
        if step.channels == 1 {
          target.update(from: input + (pixel &+ start.channels), count: to.channels)
        } else {
          for channel in 0..<to.channels {
            target[channel] = input[pixel &+ start.channels &+ step.channels &* channel]
          }
        }
        target += to.channels
      }
    }
  }
}

extension Slice: ShapeOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkGrid(of: context.input)
    for axis in 0..<3 {
      let (first, step) = (start[axis], step[axis])
      try context.demand(first >= 0 && step >= 1, .slice, parameter: axis)
      let last = Int64(first) &+ Int64(step) &* Int64(context.output[axis: axis] &- 1)
      try context.demand(last < Int64(context.input[axis: axis]), .slice, parameter: axis)
    }
  }
}
