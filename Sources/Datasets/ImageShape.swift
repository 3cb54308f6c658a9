/// The extents of one image, and of what a model of images reads.
public struct ImageShape: Sendable, Hashable {
  /// 1 grey, 3 red, green and blue.
  public var channels: Int
  /// Pixels from top to bottom.
  public var height: Int
  /// Pixels from left to right.
  public var width: Int

  /// A shape as given; whoever reads pixels of it checks them.
  public init(channels: Int, height: Int, width: Int) {
    (self.channels, self.height, self.width) = (channels, height, width)
  }

  /// - Parameter extents: channels, height and width.
  /// - Returns: nil for another number of axes.
  public init?(_ extents: [Int]) {
    guard extents.count == 3 else { return nil }
    self.init(channels: extents[0], height: extents[1], width: extents[2])
  }

  /// Channels, height and width.
  public var extents: [Int] { [channels, height, width] }
}

extension ImageShape: CustomStringConvertible {
  /// Channels × height × width.
  public var description: String { "\(channels) × \(height) × \(width)" }
}

extension ImageShape {
  /// Says that images of this shape are none of those that a model takes, and what to do.
  package func misfit(_ taken: ImageShape) -> String {
    let remedy =
      channels == taken.channels || channels == 1 && taken.channels == 3
      ? "; --resize \(taken.height)x\(taken.width) brings them to its size" : ""
    return "images are \(self) and the model takes \(taken) (channels × height × width)" + remedy
  }
}
