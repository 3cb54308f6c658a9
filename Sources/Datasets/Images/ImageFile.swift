import CCupelImages

/// An image file of which nothing is known.
struct ImageFile {
  let path: String
  let extent: ImageExtent
  /// Whether its grey values of more than 8 bits become 8 bits: Pillow cuts them off at 255
  /// instead.
  var isReduced: Bool { reader.isReduced }

  private let reader: any ImageReader

  /// The most bytes of a file, and of the pixels in it: 64 MiB and 48 MiB.
  static let largestFile = 1 << 26
  private static let largestImage = 3 << 24

  /// - Throws: `DatasetError` where the bytes begin as no kind of image that is read, or the header
  ///   is broken, or tells of what is not read, or of too many pixels.
  init(path: String, bytes: [UInt8]) throws(DatasetError) {
    self.path = path
    reader = try ImageKind(bytes, path: path).reader(path, bytes)
    extent = reader.extent
    guard extent.size > 0, extent.size <= Self.largestImage else {
      throw DatasetError(
        path: path,
        rule: "\(extent.width) × \(extent.height) pixels are none or too many; "
          + "\(Self.largestImage / extent.channels) are the most")
    }
  }

  /// - Returns: [channels][height][width].
  /// - Throws: `DatasetError` also where the data are damaged or end too early.
  func pixels() throws(DatasetError) -> [UInt8] {
    try PixelLayout.pixels.planes(
      reader.pixels(), channels: extent.channels, area: extent.height * extent.width)
  }
}

/// An image's channels and sides.
struct ImageExtent: Equatable {
  /// 1 grey, 3 red, green and blue.
  let channels: Int
  /// 1 to 2³¹ − 1 each.
  let height, width: Int

  /// Samples that there are; more than any file may have where they are too many to count.
  var size: Int {
    let (area, overflow) = height.multipliedReportingOverflow(by: width)
    return overflow || area > Int.max / 4 ? Int.max : area * channels
  }
}

/// A file whose header was read.
protocol ImageReader {
  var extent: ImageExtent { get }
  var isReduced: Bool { get }
  /// - Returns: [height][width][channels]; asked for only where `extent` is small enough.
  func pixels() throws(DatasetError) -> [UInt8]
}

extension ImageReader {
  var isReduced: Bool { false }
}

/// A JPEG file, by libjpeg.
struct JPEGReader: ImageReader {
  let extent: ImageExtent
  private let path: String
  private let bytes: [UInt8]

  private static let trouble = "not a JPEG file that can be read"

  init(path: String, bytes: [UInt8]) throws(DatasetError) {
    (self.path, self.bytes) = (path, bytes)
    var found = cimages_extent()
    try CImagesCall.check(path, Self.trouble) { message in
      cimages_jpeg_extent(bytes, bytes.count, &found, message)
    }
    extent = ImageExtent(
      channels: Int(found.channels), height: Int(found.height), width: Int(found.width))
  }

  func pixels() throws(DatasetError) -> [UInt8] {
    var own = cimages_extent(
      width: Int32(extent.width), height: Int32(extent.height), channels: Int32(extent.channels))
    var pixels = [UInt8](repeating: 0, count: extent.size)
    try CImagesCall.check(path, Self.trouble) { message in
      cimages_jpeg_pixels(bytes, bytes.count, &own, &pixels, message)
    }
    return pixels
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
