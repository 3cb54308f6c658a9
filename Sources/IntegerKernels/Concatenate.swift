/// Concatenation on equal grids, one input at a time: each is copied to its place in the output.
public struct Concatenate {
  public var output: Extent

  @inlinable
  public init(output: Extent) {
    self.output = output
  }

  /// Copies `part` [H][W][C] to where its first element is (row, column, channel) of the output.
  public func copy(
    _ part: UnsafePointer<Int8>, extent: Extent, row: Int, column: Int, channel: Int,
    to target: UnsafeMutablePointer<Int8>
  ) {
    for y in 0..<extent.height {
      for x in 0..<extent.width {
        let place = output.offset(row: row &+ y, column: column &+ x) &+ channel
        (target + place).update(
          from: part + extent.offset(row: y, column: x), count: extent.channels)
      }
    }
  }
}
