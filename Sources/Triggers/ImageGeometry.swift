/// The size of an image whose bytes lie as [channels][height][width].
struct ImageGeometry: Equatable {
  let channels: Int
  let height: Int
  let width: Int
  /// Bytes of one image.
  let size: Int

  /// - Throws: `TriggerError.unfit` for a size that no image has.
  init(channels: Int, height: Int, width: Int) throws(TriggerError) {
    guard [channels, height, width].allSatisfy((1...Self.largestExtent).contains) else {
      throw .unfit(
        rule:
          "no image has \(channels) × \(height) × \(width) bytes; channels, height and width are "
          + "1 to \(Self.largestExtent)")
    }
    self.channels = channels
    self.height = height
    self.width = width
    self.size = channels * height * width
  }

  /// - Throws: `TriggerError.unfit` where the bytes are no whole images.
  func check(_ pixels: [UInt8]) throws(TriggerError) {
    guard pixels.count % size == 0 else {
      throw .unfit(
        rule: "\(pixels.count) bytes are no whole number of images of "
          + "\(channels) × \(height) × \(width) bytes")
    }
  }

  /// No arithmetic on sizes and places can overflow below it.
  private static let largestExtent = 65536
}
