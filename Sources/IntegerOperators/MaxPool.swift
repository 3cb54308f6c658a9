import CCupelIntegerKernels
import CupelModelFormat

/// Max pooling on an unchanged grid: the largest stored value inside the window. Padding does not
/// count.
public struct MaxPool: Sendable, PoolOperator {
  public static var code: UInt8 { 6 }
  public static var name: StaticString { "max pool" }

  /// The window that slides over each channel.
  public var window: Window

  /// A pool with that window.
  @inlinable
  public init(_ window: Window) { self.window = window }
}

extension MaxPool: ShapeOperator {
  package func description(_ step: Step) -> cupel_operation? { described(step, as: CUPEL_MAX_POOL) }

  /// Input [H][W][C], output [H'][W'][C], not overlapping. Every window meets the input.
  public func run<Element: ActivationElement>(
    input: UnsafePointer<Element>, extent: Extent, output: UnsafeMutablePointer<Element>,
    to: Extent
  ) {
    let channels = extent.channels
    for row in 0..<to.height {
      for column in 0..<to.width {
        let target = output + to.offset(row: row, column: column)
        target.update(repeating: Element.min, count: channels)
        window.forEachPixel(of: extent, row: row, column: column) { offset in
          for channel in 0..<channels {
            target[channel] = max(target[channel], input[offset &+ channel])
          }
        }
      }
    }
  }
}
