/// A PPM, PGM or PBM file, plain or binary, as Pillow reads it: values are scaled from the file's
/// largest one to 255 and rounded to the nearest, halves to even.
struct PortableMapReader: ImageReader {
  let extent: ImageExtent
  var isReduced: Bool { isGrey && most > 255 }

  private let path: String
  private let bytes: [UInt8]
  /// The digit behind the P: 1 to 6.
  private let kind: Int
  /// The largest value, which stands for white.
  private let most: Int
  private let start: Int

  private var isGrey: Bool { kind == 2 || kind == 5 }
  private var isBits: Bool { kind == 1 || kind == 4 }

  /// Whether a file begins like one: P, a digit and white space.
  static func begins(_ bytes: [UInt8]) -> Bool {
    bytes.count > 2 && bytes[0] == UInt8(ascii: "P")
      && (UInt8(ascii: "1")...UInt8(ascii: "6")).contains(bytes[1]) && Text.isSpace(bytes[2])
  }

  init(path: String, bytes: [UInt8]) throws(DatasetError) {
    (self.path, self.bytes) = (path, bytes)
    kind = Int(bytes[1] - UInt8(ascii: "0"))
    var text = Text(path: path, bytes: bytes, offset: 2)
    let width = try text.number(most: 1 << 20)
    let height = try text.number(most: 1 << 20)
    extent = ImageExtent(channels: kind == 3 || kind == 6 ? 3 : 1, height: height, width: width)
    most = kind == 1 || kind == 4 ? 1 : try text.number(most: 65535)
    start = text.offset
    guard width > 0, height > 0, most > 0 else {
      throw DatasetError(
        path: path, offset: start,
        rule: "\(width) × \(height) pixels up to the value \(most) are no image")
    }
  }

  func pixels() throws(DatasetError) -> [UInt8] {
    // What a file of one pixel's size says of others costs nothing.
    guard bytes.count - start >= leastSize else { throw cut }
    if isBits { return try kind == 1 ? plainBits() : bits() }
    let table = (0...most).map {
      UInt8((Double($0) / Double(most) * 255).rounded(.toNearestOrEven))
    }
    if kind < 4 {
      var text = Text(path: path, bytes: bytes, offset: start)
      var pixels: [UInt8] = []
      pixels.reserveCapacity(extent.size)
      for _ in 0..<extent.size { pixels.append(table[try text.number(most: most)]) }
      return pixels
    }
    let wide = most > 255
    return (0..<extent.size).map { place in
      let value =
        wide
        ? Int(bytes[start + 2 * place]) << 8 | Int(bytes[start + 2 * place + 1])
        : Int(bytes[start + place])
      return table[min(value, most)]
    }
  }

  /// Bytes that the pixels take at least.
  private var leastSize: Int {
    switch kind {
    case 4: (extent.width + 7) / 8 * extent.height
    case 1: extent.size
    case 2, 3: 2 * extent.size - 1
    default: most > 255 ? 2 * extent.size : extent.size
    }
  }

  private var cut: DatasetError {
    DatasetError(path: path, offset: bytes.count, rule: "it ends within its pixels")
  }

  /// A row's bits fill whole bytes; 1 is black.
  private func bits() -> [UInt8] {
    let rowSize = (extent.width + 7) / 8
    return (0..<extent.size).map { place in
      let (row, column) = (place / extent.width, place % extent.width)
      return bytes[start + row * rowSize + column / 8] << UInt8(column % 8) & 0x80 == 0 ? 255 : 0
    }
  }

  /// Digits that need no space between them.
  private func plainBits() throws(DatasetError) -> [UInt8] {
    var text = Text(path: path, bytes: bytes, offset: start)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(extent.size)
    for _ in 0..<extent.size { pixels.append(try text.bit() == 1 ? 0 : 255) }
    return pixels
  }
}

extension PortableMapReader {
  /// Numbers between white space and comments.
  private struct Text {
    let path: String
    let bytes: [UInt8]
    private(set) var offset: Int

    init(path: String, bytes: [UInt8], offset: Int) {
      (self.path, self.bytes, self.offset) = (path, bytes, offset)
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D }

    /// The next byte that is no comment's.
    private mutating func byte() -> UInt8? {
      while offset < bytes.count {
        defer { offset += 1 }
        guard bytes[offset] == UInt8(ascii: "#") else { return bytes[offset] }
        while offset < bytes.count, !Self.isLineEnd(bytes[offset]) { offset += 1 }
      }
      return nil
    }

    private mutating func digit() throws(DatasetError) -> UInt8 {
      while let byte = byte() {
        if !Self.isSpace(byte) { return byte }
      }
      throw DatasetError(path: path, offset: bytes.count, rule: "it ends too early")
    }

    /// Also takes the white space behind it.
    mutating func number(most: Int) throws(DatasetError) -> Int {
      var next: UInt8? = try digit()
      var value = 0
      while let byte = next, !Self.isSpace(byte) {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else {
          throw DatasetError(path: path, offset: offset - 1, rule: "a number is expected here")
        }
        value = value * 10 + Int(byte - UInt8(ascii: "0"))
        guard value <= most else {
          throw DatasetError(
            path: path, offset: offset - 1, rule: "a number is larger than \(most), the most here")
        }
        next = self.byte()
      }
      return value
    }

    mutating func bit() throws(DatasetError) -> Int {
      switch try digit() {
      case UInt8(ascii: "0"): return 0
      case UInt8(ascii: "1"): return 1
      default:
        throw DatasetError(path: path, offset: offset - 1, rule: "a 0 or a 1 is expected here")
      }
    }
  }
}
