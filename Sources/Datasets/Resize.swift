/// An image's height and width in pixels.
public struct ImageSize: Sendable, Equatable {
  /// In pixels, each 1 to 4096.
  public let height, width: Int

  /// The largest that images are resized to, on a side.
  static let largest = 4096

  /// - Throws: `PreprocessingError` unless both are 1 to 4096.
  public init(height: Int, width: Int) throws(PreprocessingError) {
    guard (1...Self.largest).contains(height), (1...Self.largest).contains(width) else {
      throw PreprocessingError(
        rule: "images cannot be resized to \(height) × \(width) pixels; 1 to 4096 are possible")
    }
    (self.height, self.width) = (height, width)
  }
}

/// Resizing as Pillow does it with its bilinear filter, which torchvision's `Resize` uses on
/// images from files: a triangle as wide as the pixels of the coarser of the two images, so that
/// every pixel counts when images shrink. First along rows, then along columns, weights in fixed
/// point with 22 bits and 8-bit values between, so that results are the same on every machine.
struct Resize {
  /// Weights of so many pixels still sum up to 1 in 22 bits.
  static let longestSide = 1 << 20

  private let rows, columns: Axis
  private let from: (height: Int, width: Int)
  private let to: ImageSize

  /// - Parameter from: whose sides are at most `longestSide`.
  init(from: (height: Int, width: Int), to: ImageSize) {
    (self.from, self.to) = (from, to)
    rows = Axis(from: from.height, to: to.height)
    columns = Axis(from: from.width, to: to.width)
  }

  /// - Parameter pixels: planes of `from`.
  /// - Returns: as many planes of `to`.
  func apply(_ pixels: [UInt8]) -> [UInt8] {
    if from == (to.height, to.width) { return pixels }
    let planes = pixels.count / (from.height * from.width)
    let narrow =
      from.width == to.width
      ? pixels
      : columns.applied(to: pixels, outer: planes * from.height, inner: 1)
    return from.height == to.height
      ? narrow : rows.applied(to: narrow, outer: planes, inner: to.width)
  }

  /// One axis: which values of the input each value of the output sums, and their weights.
  private struct Axis {
    var first: [Int] = []
    var weights: [[Int32]] = []
    let from: Int

    private static let precision = 22

    init(from: Int, to: Int) {
      self.from = from
      let scale = Double(from) / Double(to)
      let width = max(scale, 1)
      for index in 0..<to {
        let center = (Double(index) + 0.5) * scale
        let start = max(Int(center - width + 0.5), 0)
        let end = min(Int(center + width + 0.5), from)
        let raw = (start..<end).map { place in
          max(1 - abs((Double(place) - center + 0.5) / width), 0)
        }
        let total = raw.reduce(0, +)
        first.append(start)
        weights.append(raw.map { Int32($0 / total * Double(1 << Self.precision) + 0.5) })
      }
    }

    /// - Parameter values: [outer][from][inner].
    /// - Returns: [outer][to][inner].
    func applied(to values: [UInt8], outer: Int, inner: Int) -> [UInt8] {
      var output: [UInt8] = []
      output.reserveCapacity(outer * first.count * inner)
      for block in 0..<outer {
        for (start, weights) in zip(first, weights) {
          for column in 0..<inner {
            var sum: Int32 = 1 << Int32(Self.precision - 1)
            var place = (block * from + start) * inner + column
            for weight in weights {
              sum += Int32(values[place]) * weight
              place += inner
            }
            output.append(UInt8(clamping: sum >> Int32(Self.precision)))
          }
        }
      }
      return output
    }
  }
}

extension UnlabelledImages {
  /// The images with another size; themselves where it is theirs.
  ///
  /// - Throws: `DatasetError` where the result, or what is between, would be larger than a set may
  ///   be.
  public func resized(to size: ImageSize) throws(DatasetError) -> UnlabelledImages {
    if size.height == height && size.width == width { return self }
    try Self.checkSize(count: count, channels: channels, height: size.height, width: size.width)
    guard max(height, width) <= Resize.longestSide else {
      throw DatasetError(
        path: nil,
        rule: "images of \(height) × \(width) pixels are not resized; "
          + "\(Resize.longestSide) on a side are the most")
    }
    // Rows are resized first.
    try Self.checkSize(count: count, channels: channels, height: height, width: size.width)
    var images = try UnlabelledImages(
      channels: channels, height: size.height, width: size.width,
      pixels: Resize(from: (height, width), to: size).apply(pixels))
    images.notes = notes
    return images
  }
}
