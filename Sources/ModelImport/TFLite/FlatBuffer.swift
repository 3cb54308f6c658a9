/// A FlatBuffer file that nobody vouches for: whatever is read from it is first checked to lie in
/// the file, aligned as the format demands.
///
/// Source: the FlatBuffers binary format. A table begins with the distance back to its vtable; the
/// vtable holds its own size, the table's size, and a 16-bit offset into the table for each field,
/// 0 for one that is left out. Strings, vectors and tables stand elsewhere, behind a forward
/// offset, so following them cannot go in circles.
struct FlatBuffer: Sendable {
  let bytes: [UInt8]

  /// - Throws: `malformed` where the file is too short, too long for its 32-bit offsets, or carries
  ///   another identifier.
  init(_ bytes: [UInt8], identifier: StaticString) throws(ImportError) {
    self.bytes = bytes
    guard bytes.count >= 8 else {
      throw .malformed(offset: 0, rule: "\(bytes.count) bytes are no \(identifier) file")
    }
    guard bytes.count <= Int(Int32.max) else {
      throw .malformed(offset: 0, rule: "a \(identifier) file is smaller than 2 GiB")
    }
    let expected = UnsafeBufferPointer(
      start: identifier.utf8Start, count: identifier.utf8CodeUnitCount)
    guard bytes[4..<8].elementsEqual(expected) else {
      throw .malformed(offset: 4, rule: "the file identifier is not \(identifier)")
    }
  }

  /// The root table.
  var root: FlatTable {
    get throws(ImportError) {
      try FlatTable(self, at: try target(of: 0))
    }
  }

  /// A little-endian number. `offset` may be anything.
  func number<Value: FixedWidthInteger>(
    _ type: Value.Type = Value.self, at offset: Int
  ) throws(ImportError) -> Value {
    let size = MemoryLayout<Value>.size
    try check(offset, size: size)
    guard offset % size == 0 else {
      throw .malformed(offset: offset, rule: "a number of \(size) bytes is not aligned")
    }
    return unchecked(at: offset)
  }

  /// A number whose place has been checked; alignment does not matter.
  fileprivate func unchecked<Value: FixedWidthInteger>(at offset: Int) -> Value {
    bytes.withUnsafeBytes {
      Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
  }

  fileprivate func check(_ offset: Int, size: Int) throws(ImportError) {
    guard offset >= 0, offset <= bytes.count - size else {
      throw .malformed(offset: offset, rule: "\(size) bytes are read behind the file's end")
    }
  }

  /// Where the forward offset at `offset` leads.
  fileprivate func target(of offset: Int) throws(ImportError) -> Int {
    let distance = try number(UInt32.self, at: offset)
    // Both are below 2³², so the sum fits.
    let target = offset + Int(distance)
    guard distance > 0, target < bytes.count else {
      throw .malformed(offset: offset, rule: "an offset leads nowhere")
    }
    return target
  }

  /// The vector that the forward offset at `offset` leads to.
  fileprivate func vector(at offset: Int, elementSize: Int) throws(ImportError) -> FlatVector {
    let start = try target(of: offset)
    let count = Int(try number(UInt32.self, at: start))
    guard count <= (bytes.count - start - 4) / elementSize else {
      throw .malformed(offset: start, rule: "a vector of \(count) elements ends behind the file")
    }
    return FlatVector(buffer: self, start: start + 4, count: count, elementSize: elementSize)
  }
}

/// A table whose vtable has been checked.
struct FlatTable: Sendable {
  let buffer: FlatBuffer
  /// Byte offset in the file.
  let position: Int
  private let vtable: Int
  private let vtableSize: Int
  private let size: Int

  fileprivate init(_ buffer: FlatBuffer, at position: Int) throws(ImportError) {
    self.buffer = buffer
    self.position = position
    vtable = position - Int(try buffer.number(Int32.self, at: position))
    guard vtable >= 0 else {
      throw .malformed(offset: position, rule: "a table's vtable lies before the file")
    }
    vtableSize = Int(try buffer.number(UInt16.self, at: vtable))
    size = Int(try buffer.number(UInt16.self, at: vtable + 2))
    guard vtableSize >= 4, vtableSize % 2 == 0, vtableSize <= buffer.bytes.count - vtable else {
      throw .malformed(offset: vtable, rule: "a vtable of \(vtableSize) bytes")
    }
    guard size >= 4, size <= buffer.bytes.count - position else {
      throw .malformed(offset: vtable + 2, rule: "a table of \(size) bytes")
    }
  }

  /// Where a field of `size` bytes stands; nil where it is left out.
  private func place(_ field: Int, size fieldSize: Int) throws(ImportError) -> Int? {
    let entry = 4 + 2 * field
    guard entry + 2 <= vtableSize else { return nil }
    let offset = Int(try buffer.number(UInt16.self, at: vtable + entry))
    if offset == 0 { return nil }
    guard offset >= 4, offset + fieldSize <= size else {
      throw .malformed(offset: vtable + entry, rule: "field \(field) lies outside its table")
    }
    return position + offset
  }

  /// A scalar field, or its default.
  func number<Value: FixedWidthInteger>(_ field: Int, default: Value) throws(ImportError) -> Value {
    guard let place = try place(field, size: MemoryLayout<Value>.size) else { return `default` }
    return try buffer.number(at: place)
  }

  func float(_ field: Int, default: Float) throws(ImportError) -> Float {
    Float(bitPattern: try number(field, default: `default`.bitPattern))
  }

  func flag(_ field: Int) throws(ImportError) -> Bool { try number(field, default: UInt8(0)) != 0 }

  func table(_ field: Int) throws(ImportError) -> FlatTable? {
    guard let place = try place(field, size: 4) else { return nil }
    return try FlatTable(buffer, at: try buffer.target(of: place))
  }

  /// A vector of elements of `elementSize` bytes: numbers, or 4 for tables and strings.
  func vector(_ field: Int, elementSize: Int) throws(ImportError) -> FlatVector? {
    guard let place = try place(field, size: 4) else { return nil }
    return try buffer.vector(at: place, elementSize: elementSize)
  }

  /// UTF-8 with a zero behind it.
  func string(_ field: Int) throws(ImportError) -> FlatVector? {
    guard let text = try vector(field, elementSize: 1) else { return nil }
    try buffer.check(text.start + text.count, size: 1)
    guard buffer.bytes[text.start + text.count] == 0 else {
      throw .malformed(offset: text.start, rule: "a string without its final zero")
    }
    return text
  }
}

/// A vector that lies in the file.
struct FlatVector: Sendable {
  let buffer: FlatBuffer
  /// Byte offset of the first element.
  let start: Int
  let count: Int
  let elementSize: Int

  /// The bytes' place in the file.
  var range: Range<Int> { start..<start + count * elementSize }

  /// - Parameter index: in 0..<count.
  func table(_ index: Int) throws(ImportError) -> FlatTable {
    try FlatTable(buffer, at: try buffer.target(of: start + 4 * index))
  }

  /// Little-endian numbers of `elementSize` bytes.
  func numbers<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) -> [Value] {
    (0..<count).map { buffer.unchecked(at: start + $0 * elementSize) }
  }

  /// - Throws: `malformed` where the bytes are not UTF-8.
  var text: String {
    get throws(ImportError) {
      guard let text = String(validating: buffer.bytes[range], as: UTF8.self) else {
        throw .malformed(offset: start, rule: "a string is not UTF-8")
      }
      return text
    }
  }
}
