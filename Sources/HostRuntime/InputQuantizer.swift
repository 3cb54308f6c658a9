import Datasets

/// Raw pixels to the integers that a model reads: preprocessing and quantization as one table a
/// channel, and from channel-first to channel-last order.
public struct InputQuantizer: Sendable {
  private let channels: Int
  /// Pixels of one channel.
  private let area: Int
  /// [channels][256]
  private let table: [Int8]

  /// q = clamp(round((p · s − mean) / std / scale) + zeroPoint), ties to even, in float32: done
  /// once for each of the 256 pixel values, before the integer path begins.
  ///
  /// - Parameters:
  ///   - scale, zeroPoint, bits: the input tensor's grid.
  ///   - shape: channels, height, width.
  /// - Throws: `PreprocessingError` where the preprocessing is not one for so many channels.
  public init(
    preprocessing: Preprocessing, scale: Float, zeroPoint: Int, bits: Int, shape: [Int]
  ) throws(PreprocessingError) {
    try preprocessing.check(channels: shape[0])
    channels = shape[0]
    area = shape[1] * shape[2]
    let low = Float(-(1 << (bits - 1)))
    let high = Float((1 << (bits - 1)) - 1)
    table = (0..<channels).flatMap { channel in
      preprocessing.table(channel: channel).map { real in
        let integer = (real / scale).rounded(.toNearestOrEven) + Float(zeroPoint)
        return Int8(min(max(integer, low), high))
      }
    }
  }

  /// - Parameter pixels: whole images, [N][C][H][W].
  /// - Returns: [N][H][W][C].
  public func quantize(_ pixels: [UInt8]) -> [Int8] {
    let size = channels * area
    return [Int8](unsafeUninitializedCapacity: pixels.count) { target, count in
      for image in 0..<pixels.count / size {
        for channel in 0..<channels {
          let source = image * size + channel * area
          for position in 0..<area {
            target[image * size + position * channels + channel] =
              table[channel * 256 + Int(pixels[source + position])]
          }
        }
      }
      count = pixels.count / size * size
    }
  }
}
