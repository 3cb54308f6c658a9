/// What a zip archive holds and where, from its central directory. Zip64, which NumPy writes for
/// large files, included; encryption and archives of several files are not.
struct ZipDirectory {
  struct Entry: Sendable {
    var name: String
    /// Where its record in the directory begins, for messages.
    var record: Int
    /// Its bytes in the archive.
    var data: Range<Int>
    /// Bytes once inflated.
    var size: Int
    var isDeflated: Bool
    /// CRC-32 of the inflated bytes.
    var checksum: UInt32
  }

  private(set) var entries: [Entry] = []

  private let bytes: [UInt8]
  private let path: String
  private static let mostEntries = 65536
  private static let endSize = 22
  private static let recordSize = 46

  init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    self.bytes = bytes
    self.path = path
    var (offset, count) = try directory()
    guard count <= Self.mostEntries else {
      throw error(offset, "\(count) entries; \(Self.mostEntries) are read")
    }
    for _ in 0..<count { entries.append(try entry(&offset)) }
  }

  // MARK: Records

  /// Where the central directory begins and how many entries it has.
  private func directory() throws(DatasetError) -> (offset: Int, count: Int) {
    let end = try endRecord()
    let count = try number(end + 10, 2)
    let offset = try number(end + 16, 4)
    guard count == 0xFFFF || offset == 0xFFFF_FFFF else { return (offset, count) }
    // The locator lies just before, and leads to a record with wider fields.
    guard end >= 20, try number(end - 20, 4) == 0x0706_4B50 else {
      throw error(end, "no zip64 locator before the end")
    }
    let record = try number(end - 12, 8)
    guard try number(record, 4) == 0x0606_4B50 else { throw error(record, "no zip64 end record") }
    return (try number(record + 48, 8), try number(record + 32, 8))
  }

  /// The last record, behind which only a comment of its stated length may stand.
  private func endRecord() throws(DatasetError) -> Int {
    let last = bytes.count - Self.endSize
    guard last >= 0 else { throw error(bytes.count, "it is too short for a zip archive") }
    for offset in stride(from: last, through: max(last - 65535, 0), by: -1)
    where bytes[offset] == 0x50 && bytes[offset + 1] == 0x4B && bytes[offset + 2] == 5
      && bytes[offset + 3] == 6
    {
      if try number(offset + 20, 2) == last - offset { return offset }
    }
    throw error(bytes.count, "no zip archive's directory at its end")
  }

  private func entry(_ offset: inout Int) throws(DatasetError) -> Entry {
    let record = offset
    guard try number(record, 4) == 0x0201_4B50 else {
      throw error(record, "no record of the directory where one is stated")
    }
    let flags = try number(record + 8, 2)
    let method = try number(record + 10, 2)
    guard flags & 1 == 0, method == 0 || method == 8 else {
      throw error(record, "an entry that is encrypted, or neither stored nor deflated")
    }
    let lengths = (
      name: try number(record + 28, 2), extra: try number(record + 30, 2),
      comment: try number(record + 32, 2)
    )
    let name = try slice(record + Self.recordSize, lengths.name)
    var fields = [
      try number(record + 24, 4), try number(record + 20, 4), try number(record + 42, 4),
    ]
    try widen(&fields, extra: record + Self.recordSize + lengths.name, length: lengths.extra)
    offset = record + Self.recordSize + lengths.name + lengths.extra + lengths.comment
    guard try number(fields[2], 4) == 0x0403_4B50 else {
      throw error(record, "no local header where one is stated")
    }
    let start = fields[2] + 30 + (try number(fields[2] + 26, 2)) + (try number(fields[2] + 28, 2))
    _ = try slice(start, fields[1])
    return Entry(
      name: String(decoding: name, as: UTF8.self), record: record, data: start..<start + fields[1],
      size: fields[0], isDeflated: method == 8,
      checksum: UInt32(try number(record + 16, 4)))
  }

  /// Sizes and offset that stand in the extra field, in order, where the record has all ones.
  private func widen(_ fields: inout [Int], extra: Int, length: Int) throws(DatasetError) {
    guard fields.contains(0xFFFF_FFFF) else { return }
    var offset = extra
    while offset + 4 <= extra + length {
      let size = try number(offset + 2, 2)
      guard try number(offset, 2) == 1 else {
        offset += 4 + size
        continue
      }
      var place = offset + 4
      for index in fields.indices where fields[index] == 0xFFFF_FFFF {
        guard place + 8 <= offset + 4 + size else { throw error(offset, "a short zip64 field") }
        fields[index] = try number(place, 8)
        place += 8
      }
      return
    }
    throw error(extra, "no zip64 field where one is needed")
  }

  // MARK: Bytes

  /// A little-endian number of `width` bytes, which must fit an Int.
  private func number(_ offset: Int, _ width: Int) throws(DatasetError) -> Int {
    var value: UInt64 = 0
    for (index, byte) in try slice(offset, width).enumerated() {
      value |= UInt64(byte) << UInt64(8 * index)
    }
    guard let number = Int(exactly: value), number <= 1 << 62 else {
      throw error(offset, "a number of more than 62 bits")
    }
    return number
  }

  private func slice(_ offset: Int, _ count: Int) throws(DatasetError) -> ArraySlice<UInt8> {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
      throw error(min(max(offset, 0), bytes.count), "it ends before what it states")
    }
    return bytes[offset..<offset + count]
  }

  private func error(_ offset: Int, _ rule: String) -> DatasetError {
    DatasetError(path: path, offset: offset, rule: rule)
  }
}
