import CCupelIntegerKernels
import CupelModelFormat

/// Average pooling on an unchanged grid: the mean of the stored values inside the window, rounded
/// to nearest, half away from zero. Padding does not count.
public struct AveragePool: Sendable, PoolOperator {
  public static var code: UInt8 { 5 }
  public static var name: StaticString { "average pool" }

  /// The window that slides over each channel.
  public var window: Window

  /// A pool with that window.
  @inlinable
  public init(_ window: Window) { self.window = window }
}

extension AveragePool: RunnableOperator {
  /// A pixel's sums.
  package func scratchBytes(_ step: Step) -> Int64 { Self.scratchBytes(step.input.extent) }

  package func run(_ step: Step, in memory: StepMemory) {
    run(
      input: step.source(memory), extent: step.input.extent, output: step.target(memory),
      to: step.output.extent, scratch: memory.scratch)
  }

  package func description(_ step: Step) -> cupel_operation? {
    described(step, as: CUPEL_AVERAGE_POOL)
  }

  package static func scratchBytes(_ extent: Extent) -> Int64 { Int64(extent.channels) &* 4 }

  /// Input [H][W][C], output [H'][W'][C], not overlapping. Every window meets the input.
  public func run(
    input: UnsafePointer<Int8>, extent: Extent, output: UnsafeMutablePointer<Int8>, to: Extent,
    scratch: UnsafeMutableRawPointer
  ) {
    let channels = extent.channels
    var area = ScratchArea(scratch)
    let sums = area.sums(channels)
    for row in 0..<to.height {
      for column in 0..<to.width {
        sums.update(repeating: 0, count: channels)
        var count: Int32 = 0
        window.forEachPixel(of: extent, row: row, column: column) { offset in
          count &+= 1
          for channel in 0..<channels {
            sums[channel] &+= Int32(input[offset &+ channel])
          }
        }
        let target = output + to.offset(row: row, column: column)
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
