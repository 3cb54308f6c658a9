import CupelModelFormat

/// A number for each axis of an activation.
public struct Axes: Sendable, Equatable {
  /// One number an axis.
  public var height, width, channels: Int

  /// A number for height, width and channels.
  @inlinable
  public init(_ height: Int, _ width: Int, _ channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// 0 height, 1 width, 2 channels.
  @inlinable
  public subscript(axis: Int) -> Int { axis == 0 ? height : axis == 1 ? width : channels }

  /// Three parameters from `parameter` on.
  @inline(never)
  mutating func code<Coder: RecordCoder>(_ coder: inout Coder, at parameter: Int) {
    coder.number(parameter, &height)
    coder.number(parameter &+ 1, &width)
    coder.number(parameter &+ 2, &channels)
  }
}
