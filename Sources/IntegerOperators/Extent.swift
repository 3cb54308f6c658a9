/// Height, width and channels of an activation; its elements lie in that order, channels fastest.
///
/// Each is at least 1 and their product fits an int32: whoever loads a model sees to that.
public struct Extent: Sendable, Equatable {
  /// Rows, at least 1.
  public var height: Int
  /// Columns, at least 1.
  public var width: Int
  /// Channels, at least 1.
  public var channels: Int

  /// An extent by its three numbers.
  @inlinable
  public init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Elements of the activation.
  @inlinable public var elementCount: Int { height &* width &* channels }

  /// Offset of the first channel of a pixel.
  @inlinable @inline(__always)
  public func offset(row: Int, column: Int) -> Int { (row &* width &+ column) &* channels }

  /// Elements from one index along an axis to the next: 0 height, 1 width, 2 channels.
  func stride(axis: Int) -> Int { axis == 0 ? width &* channels : axis == 1 ? channels : 1 }
}
