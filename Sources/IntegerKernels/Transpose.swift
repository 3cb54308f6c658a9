/// The axes in another order, on an unchanged grid.
public struct Transpose {
  public var input: Extent
  public var output: Extent
  /// Elements of the input from one row, column and channel of the output to the next.
  private let rowStep, columnStep, channelStep: Int

  /// - Parameters: `rows`, `columns` and `channels` say which axis of the input the output's height,
  ///   width and channels are: 0 height, 1 width, 2 channels, each once.
  public init(input: Extent, output: Extent, rows: Int, columns: Int, channels: Int) {
    self.input = input
    self.output = output
    rowStep = input.stride(axis: rows)
    columnStep = input.stride(axis: columns)
    channelStep = input.stride(axis: channels)
  }

  /// Input [H][W][C], output the same in another order, not overlapping.
  public func run(input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>) {
    var target = output
    for row in 0..<self.output.height {
      for column in 0..<self.output.width {
        let source = input + (row &* rowStep &+ column &* columnStep)
        for channel in 0..<self.output.channels {
          target[channel] = source[channel &* channelStep]
        }
        target += self.output.channels
      }
    }
  }
}
