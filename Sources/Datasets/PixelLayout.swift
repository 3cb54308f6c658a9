/// The order of an image's axes in memory.
enum PixelLayout: String, Codable {
  /// Channels, height, width: one plane after another.
  case planes = "NCHW"
  /// Height, width, channels: one pixel after another.
  case pixels = "NHWC"

  /// `pixels` of so many channels as planes. Whole images, [N][…].
  func planes(_ values: [UInt8], channels: Int, area: Int) -> [UInt8] {
    guard self == .pixels, channels > 1 else { return values }
    return [UInt8](unsafeUninitializedCapacity: values.count) { output, count in
      for start in stride(from: 0, to: values.count, by: channels * area) {
        for channel in 0..<channels {
          for place in 0..<area {
            output.initializeElement(
              at: start + channel * area + place, to: values[start + place * channels + channel])
          }
        }
      }
      count = values.count
    }
  }
}
