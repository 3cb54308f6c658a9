import CIntegerKernels
import ModelFormat

/// Max pooling on an unchanged grid: the largest stored value inside the window. Padding does not
/// count.
public struct MaxPool: Sendable, PlainOperator {
  public static var code: UInt8 { 6 }
  public static var name: StaticString { "max pool" }

  public var window: Window

  @inlinable
  public init(_ window: Window) { self.window = window }

  package init() { self.init(Window()) }

  package mutating func code<Coder: RecordCoder>(_ coder: inout Coder) { window.code(&coder) }

  public func visits(input: Extent, output: Extent) -> Int64? {
    Int64(output.elementCount) &* Int64(window.kernelHeight) &* Int64(window.kernelWidth)
  }
}

extension MaxPool: RunnableOperator {
  package func check(
    _ context: OperationContext, constants: inout ConstantCursor
  ) throws(FormatError) {
    try context.checkPool(window)
  }

  private func kernel(_ step: Step) -> MaxPoolKernel {
    MaxPoolKernel(input: step.input.extent, output: step.output.extent, window: window)
  }

  package func run(
    _ step: Step, arena: UnsafeMutablePointer<Int8>, scratch: UnsafeMutableRawPointer
  ) {
    kernel(step).run(input: step.source(arena), output: step.target(arena))
  }

  package func description(_ step: Step) -> cupel_operation? {
    var result = step.shape
    result.kind = CUPEL_MAX_POOL
    result.window = cupel_window(window)
    return result
  }
}

/// The pool with its extents.
public struct MaxPoolKernel {
  public var input: Extent
  public var output: Extent
  public var window: Window

  @inlinable
  public init(input: Extent, output: Extent, window: Window) {
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
