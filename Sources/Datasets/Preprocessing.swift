/// How a pixel becomes a network's input: (p · scale − mean) / std, per channel.
public struct Preprocessing: Sendable, Equatable {
  /// Multiplies the pixel, 0 to 255.
  public var scale: Double
  /// One for all channels, or one a channel.
  public var mean: [Double]
  /// One for all channels, or one a channel.
  public var std: [Double]
  /// What images are resized to when they are read; nil leaves them.
  public var resize: ImageSize?

  /// How the network's input lies in memory: the only layout there is so far.
  static let layout = "NCHW"

  /// A preprocessing; `check(channels:)` says whether it is one for certain images.
  public init(scale: Double = 1.0 / 255, mean: [Double], std: [Double], resize: ImageSize? = nil) {
    self.scale = scale
    self.mean = mean
    self.std = std
    self.resize = resize
  }
}

/// A preprocessing that makes no sense, or none for these images.
public struct PreprocessingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The rule that is broken, with the numbers that break it.
  public let rule: String

  package init(rule: String) { self.rule = rule }

  /// The rule, and what it is of.
  public var description: String { "preprocessing: \(rule)" }
}

extension Preprocessing {
  /// Checks that these images can be preprocessed so.
  ///
  /// - Throws: `PreprocessingError` unless it gives every pixel of images with so many channels a
  ///   finite value.
  public func check(channels: Int) throws(PreprocessingError) {
    guard channels > 0 else {
      throw PreprocessingError(rule: "the images have \(channels) channels")
    }
    for (name, values) in [("mean", mean), ("std", std)]
    where values.count != 1 && values.count != channels {
      throw PreprocessingError(
        rule: "\(name) has \(values.count) values for images with \(channels) "
          + "channel\(channels == 1 ? "" : "s")")
    }
    guard scale.isFinite, scale > 0 else {
      throw PreprocessingError(rule: "scale is \(scale), and must be positive and finite")
    }
    for value in mean where !value.isFinite {
      throw PreprocessingError(rule: "mean is \(value), and must be finite")
    }
    for value in std where !(value.isFinite && value > 0) {
      throw PreprocessingError(rule: "std is \(value), and must be positive and finite")
    }
    for channel in 0..<channels where !table(channel: channel).allSatisfy(\.isFinite) {
      throw PreprocessingError(
        rule: "scale, mean and std of channel \(channel) give a value that float32 cannot hold")
    }
  }

  /// What each pixel value, 0 to 255, becomes in one channel: 256 values, computed in float32.
  /// `check(channels:)` must have passed.
  package func table(channel: Int) -> [Float] {
    let scale = Float(scale)
    let mean = Float(mean[mean.count == 1 ? 0 : channel])
    let std = Float(std[std.count == 1 ? 0 : channel])
    return (0..<256).map { (Float($0) * scale - mean) / std }
  }

  /// What a network reads. `check(channels:)` must have passed.
  ///
  /// - Parameter pixels: whole images, [N][channels][height][width].
  /// - Returns: the same order.
  package func normalize(_ pixels: [UInt8], channels: Int, height: Int, width: Int) -> [Float] {
    let plane = height * width
    let tables = (0..<channels).map(table)
    return [Float](unsafeUninitializedCapacity: pixels.count) { output, count in
      pixels.withUnsafeBufferPointer { input in
        for start in stride(from: 0, to: input.count, by: plane) {
          let end = min(start + plane, input.count)
          tables[start / plane % channels].withUnsafeBufferPointer { table in
            for index in start..<end {
              output.initializeElement(at: index, to: table[Int(input[index])])
            }
          }
        }
      }
      count = pixels.count
    }
  }

  /// What a network reads.
  ///
  /// - Returns: [N][channels][height][width].
  /// - Throws: `PreprocessingError` as `check(channels:)`.
  public func normalized(_ images: UnlabelledImages) throws(PreprocessingError) -> [Float] {
    try check(channels: images.channels)
    return normalize(images)
  }

  /// As `normalized`, where `check(channels:)` has passed.
  package func normalize(_ images: UnlabelledImages) -> [Float] {
    normalize(
      images.pixels, channels: images.channels, height: images.height, width: images.width)
  }
}

/// In JSON: `scale` (1/255 if absent), `mean`, `std`, `layout` ("NCHW" if absent), and `resize`,
/// height and width, where images are resized.
extension Preprocessing: Codable {
  private enum Key: String, CodingKey {
    case scale, mean, std, layout, resize
  }

  /// - Throws: `DecodingError`, also for a layout other than NCHW; `PreprocessingError` for a size
  ///   that no image has.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    let layout = try values.decodeIfPresent(String.self, forKey: .layout) ?? Self.layout
    guard layout == Self.layout else {
      throw DecodingError.dataCorruptedError(
        forKey: .layout, in: values,
        debugDescription: "the layout \"\(layout)\" is unknown; \(Self.layout) is the only one")
    }
    self.init(
      scale: try values.decodeIfPresent(Double.self, forKey: .scale) ?? 1.0 / 255,
      mean: try values.decode([Double].self, forKey: .mean),
      std: try values.decode([Double].self, forKey: .std))
    guard let extents = try values.decodeIfPresent([Int].self, forKey: .resize) else { return }
    guard extents.count == 2 else {
      throw DecodingError.dataCorruptedError(
        forKey: .resize, in: values, debugDescription: "it needs a height and a width")
    }
    resize = try ImageSize(height: extents[0], width: extents[1])
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(scale, forKey: .scale)
    try values.encode(mean, forKey: .mean)
    try values.encode(std, forKey: .std)
    try values.encode(Self.layout, forKey: .layout)
    try values.encodeIfPresent(resize.map { [$0.height, $0.width] }, forKey: .resize)
  }
}
