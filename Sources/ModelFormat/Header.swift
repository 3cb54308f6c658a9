import CupelFixedPoint

/// A run of records or bytes: where it begins in the file, and how many records, or bytes for
/// constants and strings.
package struct Section {
  package let offset: Int
  package let count: Int
}

/// A header that has passed: magic, version, digest, and a section table whose sections lie in
/// the file.
package struct Header {
  private typealias Place = Layout.Header

  package let major, minor: UInt16
  package let arenaSize: Int
  package let input: Int
  package let output: Int
  package let tensors, operations, operands, metadata, constants, strings: Section

  package init(validating bytes: UnsafeRawBufferPointer) throws(FormatError) {
    let file = try Self.checkFrame(bytes)
    try Self.checkDigest(file, count: bytes.count)
    (tensors, operations, operands, metadata, constants, strings) =
      try Self.sections(file, size: bytes.count)
    major = file.half(Place.major)
    minor = file.half(Place.minor)
    arenaSize = file.number(Place.arenaSize)
    input = file.number(Place.input)
    output = file.number(Place.output)
    try checkNumbers()
  }

  /// What can be told before anything in the header is believed. Returns the file's base.
  private static func checkFrame(
    _ bytes: UnsafeRawBufferPointer
  ) throws(FormatError) -> UnsafeRawPointer {
    let header = FormatRecord.header
    guard let file = bytes.baseAddress, bytes.count >= Layout.headerSize else {
      throw FormatError(.tooShort, .header, at: bytes.count)
    }
    try header.demand(UInt(bitPattern: file) % UInt(Layout.alignment) == 0, .baseAlignment, at: 0)
    try header.demand(Int64(bytes.count) <= Layout.largest, .tooLong, at: bytes.count)
    for index in 0..<8 where file.byte(index) != Layout.magic[index] {
      throw FormatError(.magic, .header, at: index)
    }
    let major = file.half(Place.major)
    let isMajor =
      major == Layout.major || WideActivations.isThere && major == Layout.wideMajor
    let isKnown = isMajor && file.half(Place.minor) <= Layout.minor
    try header.demand(isKnown, .version, at: Place.major)
    let headerSize = file.number(Place.headerSize)
    try header.demand(headerSize == Layout.headerSize, .headerSize, at: Place.headerSize)
    try header.demand(file.number(Place.fileSize) == bytes.count, .fileSize, at: Place.fileSize)
    for offset in Place.reserved..<Place.digest where file.byte(offset) != 0 {
      throw FormatError(.reserved, .header, at: offset)
    }
    return file
  }

  private static func checkDigest(_ file: UnsafeRawPointer, count: Int) throws(FormatError) {
    let digest = fileDigest(UnsafeRawBufferPointer(start: file, count: count))
    for index in 0..<32 {
      let stated = file.byte(Place.digest &+ index)
      let actual = UInt8(truncatingIfNeeded: digest[index >> 2] >> UInt32(24 &- 8 &* (index & 3)))
      try FormatRecord.header.demand(stated == actual, .digest, at: Place.digest)
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
    try FormatRecord.header.demand(end == Int64(size), .sectionPlace, at: Place.sections &+ 5 &* 8)
    return (tensors, operations, operands, metadata, constants, strings)
  }

  private static func section(
    _ index: Int, of size: Int, in file: UnsafeRawPointer, size fileSize: Int, end: inout Int64
  ) throws(FormatError) -> Section {
    let place = Place.sections &+ 8 &* index
    let offset = file.number(place)
    let count = file.number(place &+ 4)
    let after = end &+ Int64(count) &* Int64(size)
    let isRight = Int64(offset) == end && count >= 0 && after <= Int64(fileSize)
    try FormatRecord.header.demand(isRight, .sectionPlace, at: place)
    end = after
    return Section(offset: offset, count: count)
  }

  @inline(__always)
  private func checkNumbers() throws(FormatError) {
    let header = FormatRecord.header
    let indices = 0..<tensors.count
    try header.demand(
      (1...Layout.mostTensors).contains(tensors.count), .tensorCount, at: Place.sections &+ 4)
    // How many tensors are inputs is told with the tensors.
    let most = operations.count < tensors.count
    try header.demand(most, .operationCount, at: Place.sections &+ 12)
    try header.demand(indices.contains(input), .inputTensor, at: Place.input)
    try header.demand(indices.contains(output), .outputTensor, at: Place.output)
    try header.demand(arenaSize >= 0, .arenaSize, at: Place.arenaSize)
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
