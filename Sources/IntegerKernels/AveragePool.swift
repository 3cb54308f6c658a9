/// Average pooling on an unchanged grid: the mean of the stored values inside the window, rounded
/// to nearest, half away from zero. Padding does not count.
public struct AveragePool {
  public var input: Extent
  public var output: Extent
  public var window: KernelWindow

  @inlinable
  public init(input: Extent, output: Extent, window: KernelWindow) {
    self.input = input
    self.output = output
    self.window = window
  }

  /// Scratch that `run` needs, aligned to 4 bytes: a pixel's sums.
  public var scratchBytes: Int64 { Int64(input.channels) &* 4 }

  /// Input [H][W][C], output [H'][W'][C], not overlapping. Every window meets the input.
  public func run(
    input: UnsafePointer<Int8>, output: UnsafeMutablePointer<Int8>,
    scratch: UnsafeMutableRawPointer
  ) {
    let channels = self.input.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    for row in 0..<self.output.height {
      for column in 0..<self.output.width {
        sums.update(repeating: 0, count: channels)
        var count: Int32 = 0
        window.forEachPixel(of: self.input, row: row, column: column) { offset in
          count &+= 1
          for channel in 0..<channels {
            sums[channel] &+= Int32(input[offset &+ channel])
          }
        }
        let target = output + self.output.offset(row: row, column: column)
        for channel in 0..<channels {
          target[channel] = Self.mean(sums[channel], of: count)
        }
      }
    }
  }

  /// sum / count, half away from zero; division truncates, so half is added on the sum's side.
  @inline(__always)
  private static func mean(_ sum: Int32, of count: Int32) -> Int8 {
    let divisor = max(count, 1)
    let half = divisor &>> 1
    return Int8(truncatingIfNeeded: (sum > 0 ? sum &+ half : sum &- half) / divisor)
  }
}
