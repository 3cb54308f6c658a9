/// A run of records or bytes: where it begins in the file, and how many records, or bytes for
/// constants and strings.
package struct Section {
  package let offset: Int
  package let count: Int
}

/// A header that has passed: magic, version, digest, and a section table whose sections lie in
/// the file.
package struct Header {
  package let minor: UInt16
  package let arenaSize: Int
  package let input: Int
  package let output: Int
  package let tensors, operations, operands, metadata, constants, strings: Section

  package init(validating bytes: UnsafeRawBufferPointer) throws(FormatError) {
    let file = try Self.checkFrame(bytes)
    try Self.checkDigest(file, count: bytes.count)
    (tensors, operations, operands, metadata, constants, strings) =
      try Self.sections(file, size: bytes.count)
    minor = file.half(Layout.Header.minor)
    arenaSize = file.number(Layout.Header.arenaSize)
    input = file.number(Layout.Header.input)
    output = file.number(Layout.Header.output)
    try checkNumbers()
  }

  /// What can be told before anything in the header is believed. Returns the file's base.
  private static func checkFrame(
    _ bytes: UnsafeRawBufferPointer
  ) throws(FormatError) -> UnsafeRawPointer {
    guard let file = bytes.baseAddress, bytes.count >= Layout.headerSize else {
      throw FormatError(.tooShort, .header, at: bytes.count)
    }
    guard UInt(bitPattern: file) % UInt(Layout.alignment) == 0 else {
      throw FormatError(.baseAlignment, .header, at: 0)
    }
    guard Int64(bytes.count) <= Layout.largest else {
      throw FormatError(.tooLong, .header, at: bytes.count)
    }
    for index in 0..<8 where file.byte(index) != Layout.magic[index] {
      throw FormatError(.magic, .header, at: index)
    }
    guard
      file.half(Layout.Header.major) == Layout.major,
      file.half(Layout.Header.minor) <= Layout.minor
    else { throw FormatError(.version, .header, at: Layout.Header.major) }
    guard file.number(Layout.Header.headerSize) == Layout.headerSize else {
      throw FormatError(.headerSize, .header, at: Layout.Header.headerSize)
    }
    guard file.number(Layout.Header.fileSize) == bytes.count else {
      throw FormatError(.fileSize, .header, at: Layout.Header.fileSize)
    }
    for offset in Layout.Header.reserved..<Layout.Header.digest where file.byte(offset) != 0 {
      throw FormatError(.reserved, .header, at: offset)
    }
    return file
  }

  private static func checkDigest(
    _ file: UnsafeRawPointer, count: Int
  ) throws(FormatError) {
    let digest = fileDigest(UnsafeRawBufferPointer(start: file, count: count))
    for index in 0..<32 {
      let stated = file.byte(Layout.Header.digest &+ index)
      let actual = UInt8(truncatingIfNeeded: digest[index >> 2] >> UInt32(24 &- 8 &* (index & 3)))
      guard stated == actual else {
        throw FormatError(.digest, .header, at: Layout.Header.digest)
      }
    }
  }

  private typealias Sections = (Section, Section, Section, Section, Section, Section)

  /// Each section must begin where the one before ends, so overlaps and gaps cannot be written.
  private static func sections(
    _ file: UnsafeRawPointer, size: Int
  ) throws(FormatError) -> Sections {
    var end = Int64(Layout.headerSize)
    let tensors = try section(0, of: Layout.tensorSize, in: file, size: size, end: &end)
    let operations = try section(1, of: Layout.operationSize, in: file, size: size, end: &end)
    let operands = try section(2, of: Layout.operandSize, in: file, size: size, end: &end)
    let metadata = try section(3, of: Layout.metadataSize, in: file, size: size, end: &end)
    let gap = end
    end = Layout.aligned(end)
    let constants = try section(4, of: 1, in: file, size: size, end: &end)
    for offset in Int(gap)..<constants.offset where file.byte(offset) != 0 {
      throw FormatError(.sectionGap, .header, at: offset)
    }
    let strings = try section(5, of: 1, in: file, size: size, end: &end)
    guard end == Int64(size) else {
      throw FormatError(.sectionPlace, .header, at: Layout.Header.sections &+ 5 &* 8)
    }
    return (tensors, operations, operands, metadata, constants, strings)
  }

  private static func section(
    _ index: Int, of size: Int, in file: UnsafeRawPointer, size fileSize: Int, end: inout Int64
  ) throws(FormatError) -> Section {
    let place = Layout.Header.sections &+ 8 &* index
    let offset = file.number(place)
    let count = file.number(place &+ 4)
    let after = end &+ Int64(count) &* Int64(size)
    guard Int64(offset) == end, count >= 0, after <= Int64(fileSize) else {
      throw FormatError(.sectionPlace, .header, at: place)
    }
    end = after
    return Section(offset: offset, count: count)
  }

  private func checkNumbers() throws(FormatError) {
    guard (1...Layout.mostTensors).contains(tensors.count) else {
      throw FormatError(.tensorCount, .header, at: Layout.Header.sections &+ 4)
    }
    guard operations.count == tensors.count &- 1 else {
      throw FormatError(.operationCount, .header, at: Layout.Header.sections &+ 12)
    }
    guard (0..<tensors.count).contains(input) else {
      throw FormatError(.inputTensor, .header, at: Layout.Header.input)
    }
    guard (0..<tensors.count).contains(output) else {
      throw FormatError(.outputTensor, .header, at: Layout.Header.output)
    }
    guard arenaSize >= 0 else {
      throw FormatError(.arenaSize, .header, at: Layout.Header.arenaSize)
    }
  }
}

/// SHA-256 of the file with its digest field taken as zeros. `file` must hold a header at least.
package func fileDigest(_ file: UnsafeRawBufferPointer) -> InlineArray<8, UInt32> {
  var hash = SHA256()
  let end = Layout.Header.digest &+ 32
  hash.update(UnsafeRawBufferPointer(rebasing: file[0..<Layout.Header.digest]))
  hash.update(zeros: 32)
  hash.update(UnsafeRawBufferPointer(rebasing: file[end...]))
  return hash.finish()
}
