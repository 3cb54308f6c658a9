import CCupelImages

/// A PNG or JPEG file of which nothing is known.
struct ImageFile {
  let path: String
  let bytes: [UInt8]

  /// The most bytes of a file, and of the pixels in it: 64 MiB and 48 MiB.
  static let largestFile = 1 << 26
  private static let largestImage = 3 << 24

  /// 1 grey, 3 red, green and blue.
  struct Extent: Equatable {
    let channels, height, width: Int
    var size: Int { channels * height * width }
  }

  static func isImage(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".png", ".jpg", ".jpeg"].contains { lower.hasSuffix($0) }
  }

  /// - Throws: `DatasetError` where the header is none of a PNG or JPEG file, or tells of alpha,
  ///   of more than 8 bits a sample, of colours other than grey or RGB, or of too many pixels.
  func extent() throws(DatasetError) -> Extent {
    var found = cimages_extent()
    try call { message in
      isPNG
        ? cimages_png_extent(bytes, bytes.count, &found, message)
        : cimages_jpeg_extent(bytes, bytes.count, &found, message)
    }
    let extent = Extent(
      channels: Int(found.channels), height: Int(found.height), width: Int(found.width))
    guard extent.size > 0, extent.size <= Self.largestImage else {
      throw DatasetError(
        path: path, rule: "\(extent.width) × \(extent.height) pixels are none or too many")
    }
    return extent
  }

  /// - Returns: [channels][height][width].
  /// - Throws: `DatasetError` also where the data are damaged or end too early.
  func pixels(_ extent: Extent) throws(DatasetError) -> [UInt8] {
    var own = cimages_extent(
      width: Int32(extent.width), height: Int32(extent.height), channels: Int32(extent.channels))
    var interleaved = [UInt8](repeating: 0, count: extent.size)
    try call { message in
      isPNG
        ? cimages_png_pixels(bytes, bytes.count, &own, &interleaved, message)
        : cimages_jpeg_pixels(bytes, bytes.count, &own, &interleaved, message)
    }
    return PixelLayout.pixels.planes(
      interleaved, channels: extent.channels, area: extent.height * extent.width)
  }

  private var isPNG: Bool { bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) }

  private func call(_ body: (UnsafeMutablePointer<CChar>) -> Int32) throws(DatasetError) {
    guard isPNG || bytes.starts(with: [0xFF, 0xD8]) else {
      throw DatasetError(path: path, rule: "it begins like neither a PNG nor a JPEG file")
    }
    try CImagesCall.check(path, "not a sound image", body)
  }
}

/// A call into C that may fail with a message.
enum CImagesCall {
  static func check(
    _ path: String?, _ trouble: String, _ body: (UnsafeMutablePointer<CChar>) -> Int32
  ) throws(DatasetError) {
    var message = [CChar](repeating: 0, count: Int(CIMAGES_MESSAGE))
    guard body(&message) != 0 else { return }
    let text = message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    throw DatasetError(path: path, rule: "\(trouble): \(String(decoding: text, as: UTF8.self))")
  }
}
