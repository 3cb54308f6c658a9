/// A strided slice on an unchanged grid: element (h, w, c) of the output is input element
/// start + step · index on each axis.
public struct Slice {
  /// What is taken along one axis; step ≥ 1.
  public struct Axis: Sendable, Equatable {
    public var start: Int
    public var step: Int

    @inlinable
    public init(start: Int, step: Int) {
      self.start = start
      self.step = step
    }

    @inline(__always)
    fileprivate func position(_ index: Int) -> Int { start &+ step &* index }
  }

  public var input: Extent
  public var output: Extent
  public var rows: Axis
  public var columns: Axis
  public var channels: Axis

  @inlinable
  public init(input: Extent, output: Extent, rows: Axis, columns: Axis, channels: Axis) {
    self.input = input
    self.output = output
    self.rows = rows
    self.columns = columns
    self.channels = channels
  }

  /// Input [H][W][C], output [H'][W'][C'], not overlapping.
  public func run(input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>) {
    var target = output
    for row in 0..<self.output.height {
      for column in 0..<self.output.width {
        let pixel = self.input.offset(
          row: rows.position(row), column: columns.position(column))
        if channels.step == 1 {
          target.update(from: input + (pixel &+ channels.start), count: self.output.channels)
        } else {
          for channel in 0..<self.output.channels {
            target[channel] = input[pixel &+ channels.position(channel)]
          }
        }
        target += self.output.channels
      }
    }
  }
}
