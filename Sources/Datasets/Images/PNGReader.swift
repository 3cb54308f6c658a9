import CCupelZlib

/// A PNG file (ISO/IEC 15948). Samples come out as they are stored: no chunk that speaks of gamma,
/// colour spaces, significant bits or a background changes them, transparency is left aside, and 16
/// bits become the upper 8. What Pillow reads is read: nothing behind the pixels is looked at, no
/// end is asked for, and the pixels have zlib's checksum alone.
struct PNGReader: ImageReader {
  private let path: String
  private let bytes: [UInt8]
  private let header: Header
  /// Red, green and blue of 256 entries; those that the file lacks are black.
  private let palette: [UInt8]
  /// Where the data of the first chunk of pixels stand.
  private let start: Int

  var extent: ImageExtent {
    ImageExtent(
      channels: header.colour == .grey || header.colour == .greyAlpha ? 1 : 3,
      height: header.height, width: header.width)
  }

  var isReduced: Bool { header.bits == 16 && extent.channels == 1 }

  init(path: String, bytes: [UInt8]) throws(DatasetError) {
    (self.path, self.bytes) = (path, bytes)
    var chunks = Chunks(path: path, bytes: bytes)
    header = try Header(chunks.next(), of: bytes, path: path)
    var palette: [UInt8] = []
    while true {
      let chunk = try chunks.next()
      if chunk.kind == "IDAT" {
        start = chunk.data.lowerBound
        break
      }
      if chunk.kind == "PLTE" { palette = Array(bytes[chunk.data].prefix(3 * 256)) }
      if chunk.kind == "IEND" {
        throw DatasetError(path: path, offset: chunk.data.lowerBound, rule: "it has no pixels")
      }
    }
    // Pillow drops an entry that is cut off.
    palette.removeLast(palette.count % 3)
    self.palette = palette + [UInt8](repeating: 0, count: 3 * 256 - palette.count)
  }

  func pixels() throws(DatasetError) -> [UInt8] {
    var rows = try PNGRows(path: path, bytes: bytes, start: start)
    var pixels = [UInt8](repeating: 0, count: extent.size)
    for pass in header.isInterlaced ? Pass.interlaced : [Pass.whole] {
      let width = pass.columns(header.width)
      let height = pass.rows(header.height)
      guard width > 0, height > 0 else { continue }
      rows.begin(
        rowSize: (width * header.bitsPerPixel + 7) / 8, pixelSize: max(1, header.bitsPerPixel / 8))
      for row in 0..<height {
        try rows.next()
        place(
          rows.current, count: width, in: &pixels,
          from: (pass.top + row * pass.down) * header.width + pass.left, step: pass.right)
      }
    }
    try rows.finish()
    return pixels
  }

  /// Writes a row's samples of pixels `first`, `first + step`, and so on.
  private func place(
    _ row: [UInt8], count: Int, in pixels: inout [UInt8], from first: Int, step: Int
  ) {
    let (bits, samples) = (header.bits, header.colour.samples)
    switch header.colour {
    case .palette:
      for place in 0..<count {
        let entry = 3 * Self.sample(row, place, bits)
        for channel in 0..<3 {
          pixels[3 * (first + place * step) + channel] = palette[entry + channel]
        }
      }
    case .grey where bits < 8:
      for place in 0..<count {
        pixels[first + place * step] = UInt8(
          Self.sample(row, place, bits) * (255 / (1 << bits - 1)))
      }
    case .grey, .greyAlpha:
      for place in 0..<count {
        pixels[first + place * step] = row[place * samples * (bits / 8)]
      }
    case .colour, .colourAlpha:
      for place in 0..<count {
        for channel in 0..<3 {
          let sample = (place * samples + channel) * (bits / 8)
          pixels[3 * (first + place * step) + channel] = row[sample]
        }
      }
    }
  }

  /// One of the samples of 1, 2, 4 or 8 bits that stand in a row from each byte's upper end on.
  private static func sample(_ row: [UInt8], _ place: Int, _ bits: Int) -> Int {
    let first = place * bits
    return Int(row[first / 8]) >> (8 - bits - first % 8) & (1 << bits - 1)
  }
}

extension PNGReader {
  private enum Colour: UInt8 {
    case grey = 0
    case colour = 2
    case palette = 3
    case greyAlpha = 4
    case colourAlpha = 6

    var samples: Int {
      switch self {
      case .grey, .palette: 1
      case .greyAlpha: 2
      case .colour: 3
      case .colourAlpha: 4
      }
    }

    var depths: [Int] {
      switch self {
      case .grey: [1, 2, 4, 8, 16]
      case .palette: [1, 2, 4, 8]
      case .greyAlpha, .colour, .colourAlpha: [8, 16]
      }
    }
  }

  private struct Header {
    let width, height, bits: Int
    let colour: Colour
    let isInterlaced: Bool

    var bitsPerPixel: Int { bits * colour.samples }

    init(_ chunk: Chunk, of bytes: [UInt8], path: String) throws(DatasetError) {
      func broken(_ rule: String) -> DatasetError {
        DatasetError(path: path, offset: chunk.data.lowerBound, rule: "not a PNG file: \(rule)")
      }
      guard chunk.kind == "IHDR", chunk.data.count == 13 else {
        throw broken("it does not begin with a header of 13 bytes")
      }
      let data = Array(bytes[chunk.data])
      width = BigEndian.word(data, 0)
      height = BigEndian.word(data, 4)
      bits = Int(data[8])
      guard let colour = Colour(rawValue: data[9]), colour.depths.contains(bits) else {
        throw broken("colours of kind \(data[9]) with \(bits) bits a sample do not exist")
      }
      self.colour = colour
      guard data[10] == 0, data[11] == 0, data[12] < 2 else {
        throw broken("its compression, filters or interlacing are of an unknown kind")
      }
      isInterlaced = data[12] == 1
      guard (1...1 << 20).contains(width), (1...1 << 20).contains(height) else {
        throw broken("its sides are \(width) and \(height) pixels; 1 to 1048576 are possible")
      }
    }
  }

  /// Which pixels one pass over the image holds.
  private struct Pass {
    let top, left, down, right: Int

    static let whole = Pass(top: 0, left: 0, down: 1, right: 1)
    /// Adam7.
    static let interlaced = [
      Pass(top: 0, left: 0, down: 8, right: 8), Pass(top: 0, left: 4, down: 8, right: 8),
      Pass(top: 4, left: 0, down: 8, right: 4), Pass(top: 0, left: 2, down: 4, right: 4),
      Pass(top: 2, left: 0, down: 4, right: 2), Pass(top: 0, left: 1, down: 2, right: 2),
      Pass(top: 1, left: 0, down: 2, right: 1),
    ]

    func columns(_ width: Int) -> Int { max(0, (width - left + right - 1) / right) }
    func rows(_ height: Int) -> Int { max(0, (height - top + down - 1) / down) }
  }
}

extension PNGReader {
  fileprivate struct Chunk {
    let kind: String
    let data: Range<Int>
  }

  /// The chunks before the pixels, whose checksums must be right.
  private struct Chunks {
    let path: String
    let bytes: [UInt8]
    private var offset = 8

    init(path: String, bytes: [UInt8]) { (self.path, self.bytes) = (path, bytes) }

    mutating func next() throws(DatasetError) -> Chunk {
      func broken(_ rule: String) -> DatasetError {
        DatasetError(path: path, offset: offset, rule: "not a PNG file that can be read: \(rule)")
      }
      guard bytes.count - offset >= 8 else { throw broken("it ends too early") }
      let length = BigEndian.word(bytes, offset)
      let kind = String(decoding: bytes[offset + 4..<offset + 8], as: UTF8.self)
      let start = offset + 8
      // Pixels may be cut off behind their last row.
      if kind == "IDAT" { return Chunk(kind: kind, data: start..<start) }
      guard length <= bytes.count - start - 4 else { throw broken("it ends too early") }
      let sum = bytes[offset + 4..<start + length].withUnsafeBufferPointer { buffer in
        czlib_crc32(buffer.baseAddress, UInt(buffer.count))
      }
      guard BigEndian.word(bytes, start + length) == Int(sum) else {
        throw broken("the checksum of its chunk \(Chunk.printable(kind)) is wrong")
      }
      offset = start + length + 4
      return Chunk(kind: kind, data: start..<start + length)
    }
  }
}

extension PNGReader.Chunk {
  fileprivate static func printable(_ kind: String) -> String {
    kind.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? kind : "without a name"
  }
}

/// Numbers with their upper byte first.
enum BigEndian {
  /// 32 bits; all four bytes must be there.
  static func word(_ bytes: [UInt8], _ offset: Int) -> Int {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
  }
}
