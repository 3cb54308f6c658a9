import CIntegerKernels
import ModelFormat

/// Average pooling on an unchanged grid: the mean of the stored values inside the window, rounded
/// to nearest, half away from zero. Padding does not count.
public struct AveragePool: Sendable, PlainOperator {
  public static var code: UInt8 { 5 }
  public static var name: StaticString { "average pool" }

  public var window: Window

  @inlinable
  public init(_ window: Window) { self.window = window }

  package init() { self.init(Window()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { window.code(&coder) }

  public func visits(input: Extent, output: Extent) -> Int64? {
    Int64(output.elementCount) &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
  }
}

extension AveragePool: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    try context.checkPool(window)
  }

  private func kernel(_ step: Step) -> AveragePoolKernel {
    AveragePoolKernel(input: step.input.extent, output: step.output.extent, window: window)
  }

  package func scratchBytes(_ step: Step) -> Int64 { kernel(step).scratchBytes }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    kernel(step).run(input: step.source(arena), output: step.target(arena), scratch: scratch)
  }

  package func description(_ step: Step) -> cupel_operation? {
    var result = step.shape
    result.kind = CUPEL_AVERAGE_POOL
    result.window = cupel_window(window)
    return result
  }
}

/// The pool with its extents.
public struct AveragePoolKernel {
  public var input: Extent
  public var output: Extent
  public var window: Window

  @inlinable
  public init(input: Extent, output: Extent, window: Window) {
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
