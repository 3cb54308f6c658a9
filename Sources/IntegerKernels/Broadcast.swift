/// Repetition along the axes on which the input has one element, on an unchanged grid.
public struct Broadcast {
  public var input: Extent
  public var output: Extent

  @inlinable
  public init(input: Extent, output: Extent) {
    self.input = input
    self.output = output
  }

  /// Input [H][W][C], each the output's or 1; not overlapping.
  public func run(input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>) {
    var target = output
    for row in 0..<self.output.height {
      for column in 0..<self.output.width {
        let pixel = self.input.offset(
          row: self.input.height == 1 ? 0 : row, column: self.input.width == 1 ? 0 : column)
        if self.input.channels == 1 {
          target.update(repeating: input[pixel], count: self.output.channels)
        } else {
          target.update(from: input + pixel, count: self.output.channels)
        }
        target += self.output.channels
      }
    }
  }
}
