import CCupelImages

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
    let interleaved = PixelLayout.transposed(pixels, rows: channels, columns: height * width)
    // Deflate never grows by more than this; a row has one byte more than its pixels.
    var size = interleaved.count + interleaved.count / 8 + 2 * height + 1024
    var file = [UInt8](repeating: 0, count: size)
    var extent = cimages_extent(
      width: Int32(width), height: Int32(height), channels: Int32(channels))
    try CImagesCall.check(nil, "a picture cannot be written") { message in
      cimages_png_write(interleaved, &extent, &file, &size, message)
    }
    return Array(file.prefix(size))
  }
}
