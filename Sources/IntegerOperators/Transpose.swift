import CupelModelFormat

/// The axes in another order, on an unchanged grid.
public struct Transpose: Sendable, PlainOperator {
  public static var code: UInt8 { 17 }
  public static var name: StaticString { "transpose" }
  public static var minorVersion: UInt16 { 1 }

  /// Which axis of the input the output's height, width and channels are: 0 height, 1 width,
  /// 2 channels, each once.
  public var axes: Axes

  /// A transpose that takes its axes in this order.
  @inlinable
  public init(axes: Axes) { self.axes = axes }

  package init() { self.init(axes: Axes(0, 1, 2)) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { axes.code(&coder, at: 0) }

  /// Input [H][W][C] of `extent`, output the same in another order, not overlapping.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    // Elements of the input from one row, column and channel of the output to the next.
    let rowStep = extent.stride(axis: axes.height)
    let columnStep = extent.stride(axis: axes.width)
    let channelStep = extent.stride(axis: axes.channels)
    var target = output
    for row in 0..<to.height {
      for column in 0..<to.width {
        let source = input + (row &* rowStep &+ column &* columnStep)
        for channel in 0..<to.channels { target[channel] = source[channel &* channelStep] }
        target += to.channels
      }
    }
  }
}

extension Transpose: ShapeOperator {
  package func check(_ context: inout OperationContext) throws(FormatError) {
    try context.checkGrid(of: context.input)
    var seen = 0
    for axis in 0..<3 {
      let source = axes[axis]
      try context.demand(
        (0..<3).contains(source) && seen & (1 &<< source) == 0, .axis, parameter: axis)
      seen |= 1 &<< source
      try context.demand(context.output[axis: axis] == context.input[axis: source], .outputExtent)
    }
  }
}
