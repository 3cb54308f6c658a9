import CupelDatasets

/// Raw pixels to the integers that a model reads: preprocessing and quantization as one table a
/// channel, and from channel-first to channel-last order.
public struct InputQuantizer: Sendable {
  private let channels: Int
  /// Pixels of one channel.
  private let area: Int
  /// [channels][256]
  private let table: [Int16]
  private let isWide: Bool

  /// q = clamp(round((p · s − mean) / std / scale) + zeroPoint), ties to even, in float32: done
  /// once for each of the 256 pixel values, before the integer path begins.
  ///
  /// - Parameters:
  ///   - preprocessing: one for images with so many channels.
  ///   - scale: of the input tensor's grid; finite and positive.
  ///   - zeroPoint: of that grid, and on it.
  ///   - bits: of that grid, 2 to 8, or 16.
  ///   - shape: of an image; each extent at least 1.
  /// - Throws: `PreprocessingError` with the rule that is broken.
  public init(
    preprocessing: Preprocessing, scale: Float, zeroPoint: Int, bits: Int, shape: ImageShape
  ) throws(PreprocessingError) {
    area = try Self.area(shape)
    try preprocessing.check(channels: shape.channels)
    channels = shape.channels
    guard (2...8).contains(bits) || bits == 16, scale.isFinite, scale > 0,
      (-(1 << (bits - 1))..<1 << (bits - 1)).contains(zeroPoint)
    else {
      throw PreprocessingError(
        rule: "no input has \(bits) bits, the scale \(scale) and the zero point \(zeroPoint)")
    }
    isWide = bits == 16
    let low = Float(-(1 << (bits - 1)))
    let high = Float((1 << (bits - 1)) - 1)
    table = (0..<channels).flatMap { channel in
      preprocessing.table(channel: channel).map { real in
        let integer = (real / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
        return Int16(min(max(integer, low), high))
      }
    }
  }

  /// Pixels of one channel of an image of this shape.
  private static func area(_ shape: ImageShape) throws(PreprocessingError) -> Int {
    var size = 1
    for extent in shape.extents where size > 0 {
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      size = extent < 1 || overflow ? 0 : product
    }
    guard size > 0 else {
      throw PreprocessingError(rule: "no image has \(shape) values")
    }
    return shape.height * shape.width
  }

  /// - Parameter pixels: whole images, [N][C][H][W]; none at all is fine.
  /// - Returns: [N][H][W][C]; of 16 bits two bytes each, the lower first.
  /// - Throws: `PreprocessingError` where they are not whole images.
  public func quantize(_ pixels: [UInt8]) throws(PreprocessingError) -> [Int8] {
    let size = channels * area
    guard pixels.count % size == 0 else {
      throw PreprocessingError(
        rule: "\(pixels.count) pixels are not a whole number of images of \(size)")
    }
    let width = isWide ? 2 : 1
    return [Int8](unsafeUninitializedCapacity: width * pixels.count) { target, count in
      for image in 0..<pixels.count / size {
        for channel in 0..<channels {
          let source = image * size + channel * area
          for position in 0..<area {
            let integer = table[channel * 256 + Int(pixels[source + position])]
            let place = width * (image * size + position * channels + channel)
            target[place] = Int8(truncatingIfNeeded: integer)
            if isWide { target[place + 1] = Int8(truncatingIfNeeded: integer >> 8) }
          }
        }
      }
      count = width * pixels.count
    }
  }
}
