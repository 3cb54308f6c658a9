/// A BMP file (Windows' and OS/2's device-independent bitmap) as Pillow reads it: 1, 4 and 8 bits
/// with a palette, plain or run-length coded; 16, 24 and 32 bits without transparency.
struct BitmapReader: ImageReader {
  let extent: ImageExtent

  private let path: String
  private let bytes: [UInt8]
  private let header: Header
  private let palette: Palette

  private static let headerStart = 14

  init(path: String, bytes: [UInt8]) throws(DatasetError) {
    (self.path, self.bytes) = (path, bytes)
    header = try Header(bytes, path: path)
    palette = Palette(header, of: bytes)
    extent = ImageExtent(
      channels: palette.isGrey ? 1 : 3, height: header.height, width: header.width)
  }

  func pixels() throws(DatasetError) -> [UInt8] {
    let indices = header.compression.isRuns ? try runs() : nil
    var pixels: [UInt8] = []
    pixels.reserveCapacity(extent.size)
    for row in 0..<header.height {
      let stored = header.isTopDown ? row : header.height - 1 - row
      if let indices {
        let start = stored * header.width
        for index in indices[start..<start + header.width] {
          palette.append(Int(index), to: &pixels)
        }
      } else {
        try append(row: stored, to: &pixels)
      }
    }
    return pixels
  }

  private static func cut(_ path: String, _ size: Int) -> DatasetError {
    DatasetError(path: path, offset: size, rule: "not a sound BMP file: it ends within its pixels")
  }

  /// Rows begin at multiples of four bytes; the last one's filling may be missing.
  private func append(row: Int, to pixels: inout [UInt8]) throws(DatasetError) {
    let bits = header.bits
    let start = header.pixelStart + row * ((header.width * bits + 31) / 32 * 4)
    guard start + (header.width * bits + 7) / 8 <= bytes.count else {
      throw Self.cut(path, bytes.count)
    }
    for column in 0..<header.width {
      if bits <= 8 {
        let bit = column * bits
        let index = Int(bytes[start + bit / 8]) >> (8 - bits - bit % 8) & (1 << bits - 1)
        palette.append(index, to: &pixels)
      } else {
        let size = bits / 8
        let value = LittleEndian.number(bytes, start + column * size, size)
        for field in header.fields { pixels.append(field.sample(value)) }
      }
    }
  }
}

extension BitmapReader {
  private enum Compression: Int {
    case none = 0
    case runs8 = 1
    case runs4 = 2
    case fields = 3

    var isRuns: Bool { self == .runs8 || self == .runs4 }
  }

  /// Where one colour stands in a pixel of 16, 24 or 32 bits.
  private struct Field {
    let shift, bits: Int

    /// Nil for bits that do not stand together, or that are neither 5, 6 nor 8.
    init?(mask: Int) {
      guard mask > 0 else { return nil }
      shift = mask.trailingZeroBitCount
      bits = mask.nonzeroBitCount
      guard mask >> shift == 1 << bits - 1, [5, 6, 8].contains(bits) else { return nil }
    }

    func sample(_ value: Int) -> UInt8 {
      let most = 1 << bits - 1
      return UInt8((value >> shift & most) * 255 / most)
    }
  }

  private struct Header {
    let size, width, height, bits: Int
    let isTopDown: Bool
    let compression: Compression
    /// Entries of the palette that the file says it has.
    let colours: Int
    /// Bytes of such an entry.
    let entrySize: Int
    let pixelStart: Int
    /// Red, green and blue; none with a palette.
    let fields: [Field]

    var paletteStart: Int { headerStart + size }

    init(_ bytes: [UInt8], path: String) throws(DatasetError) {
      func broken(_ rule: String) -> DatasetError {
        DatasetError(path: path, offset: headerStart, rule: "a BMP file that is not read: \(rule)")
      }
      guard bytes.count >= headerStart + 12 else { throw broken("it ends within its header") }
      func number(_ offset: Int, _ size: Int) -> Int {
        LittleEndian.number(bytes, headerStart + offset, size)
      }
      size = number(0, 4)
      guard [12, 40, 52, 56, 64, 108, 124].contains(size) else {
        throw broken("its header has \(size) bytes; 12, 40, 52, 56, 64, 108 and 124 are known")
      }
      guard bytes.count >= headerStart + size else { throw broken("it ends within its header") }
      let isShort = size == 12
      width = isShort ? number(4, 2) : number(4, 4)
      let rows = isShort ? number(6, 2) : Int(Int32(truncatingIfNeeded: number(8, 4)))
      (height, isTopDown) = (abs(rows), rows < 0)
      bits = isShort ? number(10, 2) : number(14, 2)
      guard [1, 4, 8, 16, 24, 32].contains(bits) else {
        throw broken("it has \(bits) bits a pixel; 1, 4, 8, 16, 24 and 32 are read")
      }
      guard (1...1 << 20).contains(width), (1...1 << 20).contains(height) else {
        throw broken("its sides are \(width) and \(rows) pixels; 1 to 1048576 are read")
      }
      let coded = isShort ? 0 : number(16, 4)
      guard let compression = Compression(rawValue: coded),
        !compression.isRuns || bits <= 8, compression != .fields || bits > 8
      else {
        throw broken("its compression is \(coded) with \(bits) bits a pixel")
      }
      self.compression = compression
      entrySize = isShort ? 3 : 4
      let stated = isShort ? 0 : number(32, 4)
      colours = stated == 0 ? 1 << min(bits, 16) : stated
      guard bits > 8 || colours <= 1 << 16 else {
        throw broken("its palette has \(colours) colours")
      }
      var masks = Self.usualMasks[bits] ?? []
      var fieldBytes = 0
      if compression == .fields {
        fieldBytes = size == 40 ? 12 : 0
        guard bytes.count >= headerStart + 52 else { throw broken("it ends within its header") }
        let own = [number(40, 4), number(44, 4), number(48, 4)]
        if own != [0, 0, 0] || bits != 32 { masks = own }
      }
      let fields = masks.compactMap(Field.init)
      guard fields.count == masks.count, compression != .fields || Self.areKnown(fields, bits)
      else {
        throw broken("the places of its colours within a pixel are unusual")
      }
      self.fields = fields
      let afterPalette =
        headerStart + size + fieldBytes + (bits <= 8 ? colours * entrySize : 0)
      let start = LittleEndian.number(bytes, 10, 4)
      // Some programs leave the place out, or forget the palette.
      pixelStart = start == 0 || bits <= 8 && start == headerStart + size ? afterPalette : start
    }

    private static let usualMasks = [
      16: [0x7C00, 0x3E0, 0x1F], 24: [0xFF_0000, 0xFF00, 0xFF], 32: [0xFF_0000, 0xFF00, 0xFF],
    ]

    /// Whole bytes, or 5 or 6 bits of 16 with red on top.
    private static func areKnown(_ fields: [Field], _ bits: Int) -> Bool {
      let (shifts, sizes) = (fields.map(\.shift), fields.map(\.bits))
      if bits == 16 {
        return (shifts, sizes) == ([11, 5, 0], [5, 6, 5])
          || (shifts, sizes) == ([10, 5, 0], [5, 5, 5])
      }
      return sizes == [8, 8, 8] && Set(shifts).count == 3
        && shifts.allSatisfy { $0 % 8 == 0 && $0 < bits }
    }
  }

  /// The colours that pixels of at most 8 bits choose from; others are black.
  private struct Palette {
    /// Whether it holds nothing but each number's own grey, or black and white.
    let isGrey: Bool
    private let colours: [UInt8]

    init(_ header: Header, of bytes: [UInt8]) {
      guard header.bits <= 8 else {
        (isGrey, colours) = (false, [])
        return
      }
      // Where the file says too many, or ends, the others are black.
      let room = max(0, bytes.count - header.paletteStart) / header.entrySize
      let count = min(header.colours, 256, room)
      var colours: [UInt8] = []
      for entry in 0..<count {
        let start = header.paletteStart + entry * header.entrySize
        colours += bytes[start..<start + 3].reversed()
      }
      let greys = count == 2 ? [0, 255] : Array(0..<count)
      isGrey =
        header.colours == count
        && (0..<count).allSatisfy { entry in
          colours[3 * entry..<3 * entry + 3].allSatisfy { Int($0) == greys[entry] }
        }
      self.colours = colours + [UInt8](repeating: 0, count: 3 * (256 - count))
    }

    func append(_ index: Int, to pixels: inout [UInt8]) {
      if isGrey {
        pixels.append(colours[3 * index])
      } else {
        pixels += colours[3 * index..<3 * index + 3]
      }
    }
  }
}

extension BitmapReader {
  /// Run-length coded pixels as numbers of the palette, row by row as they are stored.
  private func runs() throws(DatasetError) -> [UInt8] {
    let size = header.width * header.height
    let isNibbles = header.compression == .runs4
    var output: [UInt8] = []
    output.reserveCapacity(size + 256)
    var offset = header.pixelStart
    /// Numbers that stand in `range`, two a byte or one.
    func numbers(_ count: Int) -> [UInt8]? {
      let length = isNibbles ? (count + 1) / 2 : count
      guard length <= bytes.count - offset else { return nil }
      let data = bytes[offset..<offset + length]
      offset += length
      return isNibbles
        ? data.flatMap { [$0 >> 4, $0 & 15] }.prefix(count).map(\.self) : Array(data)
    }
    var column = 0
    decoding: while output.count < size, offset + 2 <= bytes.count {
      let (count, value) = (Int(bytes[offset]), bytes[offset + 1])
      offset += 2
      switch (count, value) {
      case (0, 0):
        let missing = (header.width - output.count % header.width) % header.width
        output += [UInt8](repeating: 0, count: missing)
        column = 0
      case (0, 1): break decoding
      case (0, 2):
        guard offset + 2 <= bytes.count else { break decoding }
        let skipped = Int(bytes[offset]) + Int(bytes[offset + 1]) * header.width
        offset += 2
        output += [UInt8](repeating: 0, count: min(size - output.count, skipped))
        column = output.count % header.width
      case (0, _):
        guard let own = numbers(min(size - output.count, Int(value))) else { break decoding }
        output += own
        column += Int(value)
        // Such pixels fill whole words of 16 bits.
        offset += offset % 2
      default:
        // What would go beyond the row is left out.
        let kept = min(count, max(0, header.width - column))
        output += (0..<kept).map {
          isNibbles ? ($0 % 2 == 0 ? value >> 4 : value & 15) : value
        }
        column += kept
      }
    }
    guard output.count >= size else { throw Self.cut(path, min(offset, bytes.count)) }
    return output
  }
}

/// Numbers with their lower byte first.
enum LittleEndian {
  /// All of its `size` bytes must be there.
  static func number(_ bytes: [UInt8], _ offset: Int, _ size: Int) -> Int {
    var number = 0
    for place in 0..<size { number |= Int(bytes[offset + place]) << (8 * place) }
    return number
  }
}
