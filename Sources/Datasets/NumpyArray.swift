/// An array of a `.npy` file (NumPy, "A simple file format for NumPy arrays", versions 1 to 3), in
/// C order: the last axis runs fastest.
public struct NumpyArray: Sendable, Equatable {
  /// What an element is, by NumPy's code for it.
  public enum ElementType: String, Sendable {
    /// A byte, 0 or 1.
    case bool = "b1"
    /// 8 bits, signed.
    case int8 = "i1"
    /// 8 bits, unsigned.
    case uint8 = "u1"
    /// 16 bits, signed.
    case int16 = "i2"
    /// 16 bits, unsigned.
    case uint16 = "u2"
    /// 32 bits, signed.
    case int32 = "i4"
    /// 32 bits, unsigned.
    case uint32 = "u4"
    /// 64 bits, signed.
    case int64 = "i8"
    /// 64 bits, unsigned.
    case uint64 = "u8"
    /// IEEE 754 single.
    case float32 = "f4"
    /// IEEE 754 double.
    case float64 = "f8"

    /// What the code ends in.
    public var bytes: Int { rawValue.last?.wholeNumberValue ?? 0 }

    /// Whether elements are real numbers.
    public var isFloat: Bool { self == .float32 || self == .float64 }
  }

  /// What the elements are.
  public let type: ElementType
  /// Empty for a single number; an extent may be 0.
  public let shape: [Int]
  /// Number of elements.
  public let count: Int
  /// The elements as the file has them.
  private let content: ArraySlice<UInt8>
  private let isBigEndian: Bool

  /// - Parameters:
  ///   - bytes: the file and nothing else.
  ///   - path: for messages.
  /// - Throws: `DatasetError` with the offset and the rule: no `.npy` file, an element type or a
  ///   layout that is not known, or more or fewer bytes than its header states.
  public init(bytes: [UInt8], path: String) throws(DatasetError) {
    let header = try NumpyHeader(bytes, path: path)
    type = header.type
    shape = header.shape
    isBigEndian = header.isBigEndian
    var count = 1
    for extent in shape {
      let product = count.multipliedReportingOverflow(by: extent)
      guard !product.overflow else {
        throw DatasetError(path: path, offset: 10, rule: "its shape has more than 2^63 elements")
      }
      count = product.partialValue
    }
    let size = count.multipliedReportingOverflow(by: type.bytes)
    let present = bytes.count - header.size
    guard !size.overflow, size.partialValue == present else {
      throw DatasetError(
        path: path, offset: header.size,
        rule: "\(present) bytes of elements, where its header states \(count) of \(type.bytes)")
    }
    self.count = count
    content = bytes[header.size...]
  }

  /// The elements as integers; nil for floats and for what an Int cannot hold.
  public func integers() -> [Int]? {
    switch type {
    case .bool, .uint8: words(UInt8.self)
    case .int8: words(Int8.self)
    case .int16: words(Int16.self)
    case .uint16: words(UInt16.self)
    case .int32: words(Int32.self)
    case .uint32: words(UInt32.self)
    case .int64: words(Int64.self)
    case .uint64: words(UInt64.self)
    case .float32, .float64: nil
    }
  }

  /// The elements as float32: integers and doubles rounded to nearest.
  public func floats() -> [Float] {
    switch type {
    case .float32: words().map { Float(bitPattern: $0) }
    case .float64: words().map { Float(Double(bitPattern: $0)) }
    case .uint64: words().map { (word: UInt64) in Float(word) }
    default: (integers() ?? []).map { Float($0) }
    }
  }

  /// The elements of a file of unsigned bytes; nil for any other type.
  public func unsignedBytes() -> [UInt8]? { type == .uint8 ? Array(content) : nil }

  private func words<Word: FixedWidthInteger>(_: Word.Type) -> [Int]? {
    let words = words() as [Word]
    return words.allSatisfy { Int(exactly: $0) != nil } ? words.map { Int($0) } : nil
  }

  private func words<Word: FixedWidthInteger>() -> [Word] {
    content.withUnsafeBytes { raw in
      (0..<count).map { index in
        let stored = raw.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
        return isBigEndian ? Word(bigEndian: stored) : Word(littleEndian: stored)
      }
    }
  }
}

/// Magic, version, length, and a Python dictionary of three entries.
struct NumpyHeader {
  let type: NumpyArray.ElementType
  let isBigEndian: Bool
  let shape: [Int]
  /// Bytes up to the first element.
  let size: Int

  /// The longest dictionary that is read.
  private static let longest = 1 << 16
  private static let mostAxes = 32

  init(_ bytes: [UInt8], path: String) throws(DatasetError) {
    func error(_ offset: Int, _ rule: String) -> DatasetError {
      DatasetError(path: path, offset: offset, rule: rule)
    }
    guard bytes.count >= 10, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw error(0, "it does not start as a .npy file does")
    }
    guard (1...3).contains(bytes[6]), bytes[7] == 0 else {
      throw error(6, "version \(bytes[6]).\(bytes[7]) is none of 1.0, 2.0 and 3.0")
    }
    // The length has two bytes in version 1, then four.
    let start = bytes[6] == 1 ? 10 : 12
    guard bytes.count >= start else { throw error(bytes.count, "it ends within its header") }
    let length = bytes[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Self.longest, length <= bytes.count - start else {
      throw error(8, "a header of \(length) bytes, which is too long")
    }
    size = start + length
    var parser = NumpyDictionary(bytes[start..<size], path: path)
    let entries = try parser.entries()
    guard case .text(let descriptor)? = entries["descr"],
      case .truth(let isFortran)? = entries["fortran_order"],
      case .numbers(let extents)? = entries["shape"], entries.count == 3
    else { throw error(start, "its header is not descr, fortran_order and shape") }
    guard !isFortran || extents.count <= 1 else {
      throw error(start, "it is in Fortran order; save it in C order")
    }
    let order = descriptor.first ?? " "
    guard "<>|=".contains(order),
      let type = NumpyArray.ElementType(rawValue: String(descriptor.dropFirst())),
      order != "|" || type.bytes == 1
    else { throw error(start, "elements of type '\(printableText(descriptor))' are not known") }
    guard extents.count <= Self.mostAxes else { throw error(start, "\(extents.count) axes") }
    self.type = type
    isBigEndian = order == ">"
    shape = extents
  }
}

/// ASCII letters, digits and signs of a file's text, for messages.
private func printableText(_ text: String) -> String {
  String(text.unicodeScalars.prefix(16).map { $0.isASCII && $0.value > 0x1F ? Character($0) : "?" })
}

/// Reads the one kind of dictionary that NumPy writes: text, truth values and tuples of numbers.
private struct NumpyDictionary {
  enum Value {
    case text(String)
    case truth(Bool)
    case numbers([Int])
  }

  private let bytes: ArraySlice<UInt8>
  private let path: String
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>, path: String) {
    self.bytes = bytes
    self.path = path
    position = bytes.startIndex
  }

  mutating func entries() throws(DatasetError) -> [String: Value] {
    var result: [String: Value] = [:]
    try list("{", "}") { (parser) throws(DatasetError) in
      let key = try parser.text()
      try parser.expect(":")
      guard result.updateValue(try parser.value(), forKey: key) == nil else {
        throw parser.error("a key that is there twice")
      }
    }
    skipSpace()
    guard position == bytes.endIndex else { throw error("text behind the dictionary") }
    return result
  }

  private mutating func value() throws(DatasetError) -> Value {
    skipSpace()
    switch peek() {
    case UInt8(ascii: "'"), UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "("): return .numbers(try numbers())
    default:
      for (word, truth) in [("True", true), ("False", false)]
      where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return .truth(truth)
      }
      throw error("a value that is neither text, truth nor a tuple of numbers")
    }
  }

  private mutating func text() throws(DatasetError) -> String {
    skipSpace()
    guard let quote = peek(), quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw error("text without quotes")
    }
    position += 1
    guard let end = bytes[position...].firstIndex(of: quote) else {
      throw error("text without an end")
    }
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }

  private mutating func numbers() throws(DatasetError) -> [Int] {
    var result: [Int] = []
    try list("(", ")") { (parser) throws(DatasetError) in
      parser.skipSpace()
      let digits = parser.bytes[parser.position...].prefix {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
      }
      guard let number = Int(String(decoding: digits, as: UTF8.self)), result.count < 64 else {
        throw parser.error("an extent that is no number")
      }
      parser.position += digits.count
      result.append(number)
    }
    return result
  }

  /// Items with commas between them, and perhaps one behind the last.
  private mutating func list(
    _ start: Unicode.Scalar, _ end: Unicode.Scalar,
    item: (inout Self) throws(DatasetError) -> Void
  ) throws(DatasetError) {
    try expect(start)
    while !take(end) {
      try item(&self)
      guard take(",") else { return try expect(end) }
    }
  }

  // MARK: Characters

  private func peek() -> UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let next = peek(), next == 0x20 || next == 0x0A { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(DatasetError) {
    guard take(character) else { throw error("no '\(character)' where one is needed") }
  }

  private func error(_ rule: String) -> DatasetError {
    DatasetError(path: path, offset: position, rule: "its header has \(rule)")
  }
}
