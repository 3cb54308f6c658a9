/// Constant padding on an unchanged grid. What follows the input on each axis comes from the
/// output's extent.
public struct Pad {
  public var input: Extent
  /// On each axis at least the input's extent and what lies before it.
  public var output: Extent
  /// Rows, columns and channels before the input's first.
  public var top, left, front: Int
  /// Normally the zero point.
  public var value: Int8

  @inlinable
  public init(input: Extent, output: Extent, top: Int, left: Int, front: Int, value: Int8) {
    self.input = input
    self.output = output
    self.top = top
    self.left = left
    self.front = front
    self.value = value
  }

  /// Input [H][W][C], output [H'][W'][C'], not overlapping.
  public func run(input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>) {
    output.update(repeating: value, count: self.output.elementCount)
    for row in 0..<self.input.height {
      for column in 0..<self.input.width {
        let target = output + (self.output.offset(row: top &+ row, column: left &+ column) &+ front)
        let source = input + self.input.offset(row: row, column: column)
        target.update(from: source, count: self.input.channels)
      }
    }
  }
}
