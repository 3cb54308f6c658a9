import CupelSupport

/// Images of one size without their classes: all that calibration and purification may see.
public struct UnlabelledImages: Sendable, Equatable {
  /// Images that there are.
  public let count: Int
  /// Channels of each image: 1 grey, 3 red, green and blue.
  public let channels: Int
  /// Pixels from top to bottom.
  public let height: Int
  /// Pixels from left to right.
  public let width: Int
  /// [count][channels][height][width], 0 to 255.
  public let pixels: [UInt8]
  /// What was left out or changed when they were read; of all that were read, also where these are
  /// some of them.
  public internal(set) var notes: [FileNote] = []

  /// Of each image.
  public var shape: ImageShape { ImageShape(channels: channels, height: height, width: width) }
  /// Bytes of one image.
  public var imageSize: Int { channels * height * width }

  /// The most bytes that the pixels of one set may have: 1 GiB.
  static let largestSize = 1 << 30

  /// - Parameters:
  ///   - channels: of an image.
  ///   - height: of an image.
  ///   - width: of an image.
  ///   - pixels: whole images, [N][channels][height][width]; none at all is fine.
  /// - Throws: `DatasetError` where `pixels` are not whole images of that size, or a size is not
  ///   positive.
  public init(channels: Int, height: Int, width: Int, pixels: [UInt8]) throws(DatasetError) {
    let size = try Self.size(channels: channels, height: height, width: width)
    guard pixels.count % size == 0 else {
      throw DatasetError(
        path: nil,
        rule: "\(pixels.count) bytes are no whole number of images of "
          + "\(channels) × \(height) × \(width) bytes")
    }
    self.init(
      count: pixels.count / size, channels: channels, height: height, width: width, pixels: pixels)
  }

  private init(
    count: Int, channels: Int, height: Int, width: Int, pixels: [UInt8], notes: [FileNote] = []
  ) {
    self.count = count
    self.channels = channels
    self.height = height
    self.width = width
    self.pixels = pixels
    self.notes = notes
  }

  private static func size(channels: Int, height: Int, width: Int) throws(DatasetError) -> Int {
    var size = 1
    for extent in [channels, height, width] {
      // Both factors are at most 2³⁰, so that the product fits.
      guard (1...largestSize).contains(extent), size * extent <= largestSize else {
        throw DatasetError(
          path: nil,
          rule: "an image of \(channels) × \(height) × \(width) bytes is empty or too large")
      }
      size *= extent
    }
    return size
  }
}

extension UnlabelledImages {
  /// - Throws: `DatasetError` unless so many images of that size may make a set.
  static func checkSize(count: Int, channels: Int, height: Int, width: Int) throws(DatasetError) {
    let size = try size(channels: channels, height: height, width: width)
    guard count <= largestSize / size else {
      throw DatasetError(
        path: nil,
        rule: "\(count) images of \(channels) × \(height) × \(width) bytes are more than 1 GiB")
    }
  }
}

extension UnlabelledImages {
  /// The same images with so many channels: where 3 are asked for, grey ones become red, green and
  /// blue of the same value, as in Pillow, and a note says so. Themselves otherwise.
  ///
  /// - Throws: `DatasetError` where the result would be larger than a set may be.
  public func with(channels asked: Int) throws(DatasetError) -> UnlabelledImages {
    guard asked == 3, channels == 1, count > 0 else { return self }
    try Self.checkSize(count: count, channels: asked, height: height, width: width)
    var images = UnlabelledImages(
      count: count, channels: asked, height: height, width: width,
      pixels: Self.repeated(pixels, times: asked, size: imageSize))
    let note = FileNote(reason: .greyToColour, count: count, example: nil)
    images.notes = notes.filter { $0.reason != .greyToColour } + [note]
    return images
  }

  /// Each part of `size` bytes so many times.
  static func repeated(_ pixels: [UInt8], times: Int, size: Int) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(pixels.count * times)
    for start in stride(from: 0, to: pixels.count, by: size) {
      for _ in 0..<times { output += pixels[start..<start + size] }
    }
    return output
  }
}

extension UnlabelledImages {
  /// The images of a range within 0..<count, in their order.
  package subscript(range: Range<Int>) -> UnlabelledImages {
    UnlabelledImages(
      count: range.count, channels: channels, height: height, width: width,
      pixels: Array(pixels[range.lowerBound * imageSize..<range.upperBound * imageSize]),
      notes: notes)
  }

  /// The images at `indices`, each in 0..<count, in that order.
  package subscript(indices: [Int]) -> UnlabelledImages {
    var chosen: [UInt8] = []
    chosen.reserveCapacity(indices.count * imageSize)
    for index in indices { chosen += pixels[index * imageSize..<(index + 1) * imageSize] }
    return UnlabelledImages(
      count: indices.count, channels: channels, height: height, width: width, pixels: chosen,
      notes: notes)
  }

  /// The first `length` images, or all if there are fewer.
  public func prefix(_ length: Int) -> UnlabelledImages {
    length >= count ? self : self[0..<max(0, length)]
  }

  /// `size` images drawn without replacement, or all if there are fewer, in the order drawn. The
  /// same seed draws the same images on every machine.
  public func sample(_ size: Int, seed: UInt64) -> UnlabelledImages {
    self[Self.draw(size, of: count, seed: seed)]
  }

  /// Which images a sample takes: the start of a random order, so that a smaller sample with the
  /// same seed is the start of a larger one.
  static func draw(_ size: Int, of count: Int, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(seed: seed)
    return Array(generator.permutation(count).prefix(max(0, size)))
  }
}
