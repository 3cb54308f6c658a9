import CCupelZlib

/// The rows of a PNG file's pixels, inflated and freed of their filters one at a time.
struct PNGRows: ~Copyable {
  /// The row that was read last, without its filter.
  private(set) var current: [UInt8] = []

  private let path: String
  private let bytes: [UInt8]
  private let stream: InflateStream
  /// Compressed bytes of the chunk that are left.
  private var input: Range<Int>
  /// Where that chunk's data end, whether or not the file does before.
  private var end: Int
  private var pixelSize = 1
  private var filtered: [UInt8] = []

  /// - Parameter start: where the data of the first chunk stand, behind their length and name.
  init(path: String, bytes: [UInt8], start: Int) throws(DatasetError) {
    (self.path, self.bytes) = (path, bytes)
    guard let stream = InflateStream(.zlib) else {
      throw DatasetError(path: path, rule: "zlib cannot start: too little memory")
    }
    self.stream = stream
    end = start + BigEndian.word(bytes, start - 8)
    input = start..<min(end, bytes.count)
  }

  /// Begins an image, or a part of an interlaced one, whose first row has none above it.
  mutating func begin(rowSize: Int, pixelSize: Int) {
    self.pixelSize = pixelSize
    current = [UInt8](repeating: 0, count: rowSize)
    filtered = [UInt8](repeating: 0, count: rowSize + 1)
  }

  /// Reads a row into `current`.
  ///
  /// - Throws: `DatasetError` where the data are damaged or end before the row does.
  mutating func next() throws(DatasetError) {
    try fill()
    guard filtered[0] <= 4 else {
      throw broken("a row has the filter \(filtered[0]), and 0 to 4 exist")
    }
    unfilter()
  }

  /// Checks the sum behind the last row where the file has one. More data are left aside.
  mutating func finish() throws(DatasetError) {
    guard advance() else { return }
    var spare: [UInt8] = [0]
    let progress = stream.inflate(bytes[input], into: &spare, atMost: 1)
    if progress.status == Z_DATA_ERROR { throw broken(stream.reason) }
  }

  private func broken(_ rule: String) -> DatasetError {
    DatasetError(
      path: path, offset: min(input.lowerBound, bytes.count),
      rule: "not a PNG file that can be read: \(rule)")
  }

  /// Goes on to the next chunk where one is at its end; false where no data are left.
  private mutating func advance() -> Bool {
    while input.isEmpty {
      // A checksum, then the next chunk's length and name.
      let start = end + 12
      guard start <= bytes.count,
        bytes[start - 4..<start].elementsEqual("IDAT".utf8)
      else { return false }
      end = start + BigEndian.word(bytes, start - 8)
      input = start..<min(end, bytes.count)
      if end > bytes.count && input.isEmpty { return false }
    }
    return true
  }

  private mutating func fill() throws(DatasetError) {
    var done = 0
    var piece = [UInt8](repeating: 0, count: filtered.count)
    while done < filtered.count {
      guard advance() else { throw broken("it ends within its pixels") }
      let progress = stream.inflate(bytes[input], into: &piece, atMost: filtered.count - done)
      input = input.lowerBound + progress.consumed..<input.upperBound
      filtered.replaceSubrange(done..<done + progress.produced, with: piece[..<progress.produced])
      done += progress.produced
      // The checksum may be read, and be wrong, along with the last bytes.
      if done == filtered.count, progress.status != Z_DATA_ERROR { return }
      switch progress.status {
      case Z_OK where progress.consumed + progress.produced > 0: continue
      case Z_STREAM_END: throw broken("it has fewer pixels than its header says")
      case Z_MEM_ERROR: throw broken("there is too little memory to inflate its pixels")
      default: throw broken(stream.reason)
      }
    }
  }

  /// Makes of `filtered` the row itself, which becomes `current`; that held the row above.
  private mutating func unfilter() {
    let filter = filtered[0]
    let distance = pixelSize
    filtered.withUnsafeBufferPointer { coded in
      current.withUnsafeMutableBufferPointer { row in
        var corner = [UInt8](repeating: 0, count: distance)
        for place in 0..<row.count {
          let above = row[place]
          let left = place < distance ? 0 : row[place - distance]
          let prediction: UInt8
          switch filter {
          case 0: prediction = 0
          case 1: prediction = left
          case 2: prediction = above
          case 3: prediction = UInt8((Int(left) + Int(above)) / 2)
          default: prediction = Self.paeth(left, above, corner[place % distance])
          }
          corner[place % distance] = above
          row[place] = coded[place + 1] &+ prediction
        }
      }
    }
  }

  /// Whichever of the three is next to left + above − corner.
  private static func paeth(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
    let estimate = Int(left) + Int(above) - Int(corner)
    let (a, b, c) = (
      abs(estimate - Int(left)), abs(estimate - Int(above)), abs(estimate - Int(corner))
    )
    return a <= b && a <= c ? left : b <= c ? above : corner
  }
}
