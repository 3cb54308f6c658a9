/// Max pooling on an unchanged grid: the largest stored value inside the window. Padding does not
/// count.
public struct MaxPool {
  public var input: Extent
  public var output: Extent
  public var window: KernelWindow

  @inlinable
  public init(input: Extent, output: Extent, window: KernelWindow) {
    self.input = input
    self.output = output
    self.window = window
  }

  /// Input [H][W][C], output [H'][W'][C], not overlapping. Every window meets the input.
  public func run(input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>) {
    let channels = self.input.channels
    for row in 0..<self.output.height {
      for column in 0..<self.output.width {
        let target = output + self.output.offset(row: row, column: column)
        target.update(repeating: Int8.min, count: channels)
        window.forEachPixel(of: self.input, row: row, column: column) { offset in
          for channel in 0..<channels {
            target[channel] = max(target[channel], input[offset &+ channel])
          }
        }
      }
    }
  }
}
