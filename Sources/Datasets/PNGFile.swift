import CImages

/// PNG files made of pixels.
package enum PNGFile {
  /// - Parameters:
  ///   - pixels: [channels][height][width].
  ///   - channels: 1 grey, 3 red, green and blue.
  /// - Throws: `DatasetError` where the pixels are none, or not so many, or no memory is left.
  package static func bytes(
    of pixels: [UInt8], channels: Int, height: Int, width: Int
  ) throws(DatasetError) -> [UInt8] {
    let sides = 1...1 << 16
    guard channels == 1 || channels == 3, sides.contains(height), sides.contains(width),
      pixels.count == channels * height * width
    else {
      throw DatasetError(
        path: nil,
        rule: "\(pixels.count) bytes are no picture of \(channels) × \(height) × \(width)")
    }
    let plane = height * width
    var interleaved = pixels
    if channels > 1 {
      for channel in 0..<channels {
        for place in 0..<plane {
          interleaved[place * channels + channel] = pixels[channel * plane + place]
        }
      }
    }
    // Deflate never grows by more than this; a row has one byte more than its pixels.
    var size = interleaved.count + interleaved.count / 8 + 2 * height + 1024
    var file = [UInt8](repeating: 0, count: size)
    var extent = cimages_extent(
      width: Int32(width), height: Int32(height), channels: Int32(channels))
    var message = [CChar](repeating: 0, count: Int(CIMAGES_MESSAGE))
    guard cimages_png_write(interleaved, &extent, &file, &size, &message) == 0 else {
      let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw DatasetError(
        path: nil, rule: "a picture cannot be written: \(String(decoding: text, as: UTF8.self))")
    }
    return Array(file.prefix(size))
  }
}
