import CupelOnnxSchema

/// Walks the bytes of an ONNX file before anything is allocated for them.
///
/// Protocol buffers let a few bytes stand for much memory: an empty message takes two, a number in
/// a packed list one. This scan checks that every length lies inside its message and adds up what
/// decoding would allocate beyond the file's own bytes, so that a small file stays small.
struct OnnxWireScan {
  /// Estimated memory of decoded objects beyond their payload.
  private enum Cost {
    static let message = 512
    static let text = 48
    static let number = 16
  }
  /// What any file may cost, however small; a larger one may cost half its size on top.
  private static let freeCost = 6 << 20

  private let bytes: UnsafeRawBufferPointer
  private var cost = 0
  private let costLimit: Int

  private init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    costLimit = bytes.count / 2 + Self.freeCost
  }

  /// - Throws: `ImportError.malformed` with the byte offset and the rule.
  static func check(_ bytes: UnsafeRawBufferPointer) throws(ImportError) {
    guard !bytes.isEmpty else { throw .malformed(offset: 0, rule: "the file is empty") }
    var scan = OnnxWireScan(bytes)
    try scan.walk(.model, 0..<bytes.count)
  }

  /// The schema has no cycle, so the depth of this recursion is bounded by it.
  private mutating func walk(_ message: OnnxMessage, _ range: Range<Int>) throws(ImportError) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      let start = offset
      let tag = try readVarint(&offset, end: range.upperBound)
      let number = tag >> 3
      guard number >= 1, number < 1 << 29 else {
        throw .malformed(offset: start, rule: "field number \(number) is not possible")
      }
      let field = message.field(Int(number))
      switch tag & 7 {
      case 0:
        _ = try readVarint(&offset, end: range.upperBound)
        try visitNumber(field, at: start)
      case 1:
        try skip(8, &offset, end: range.upperBound)
        try visitFixed(field, size: 8, at: start)
      case 5:
        try skip(4, &offset, end: range.upperBound)
        try visitFixed(field, size: 4, at: start)
      case 2:
        let length = try readVarint(&offset, end: range.upperBound)
        guard length <= UInt64(range.upperBound - offset) else {
          throw .malformed(
            offset: start, rule: "a field of \(length) bytes runs past the end of its message")
        }
        let content = offset..<offset + Int(length)
        offset = content.upperBound
        try visitContent(field, content, at: start)
      default: throw .malformed(offset: start, rule: "wire type \(tag & 7) is not used in ONNX")
      }
    }
  }

  private mutating func visitNumber(_ field: OnnxField?, at offset: Int) throws(ImportError) {
    switch field {
    case nil, .number: return
    case .numbers: try charge(Cost.number, at: offset)
    default: throw .malformed(offset: offset, rule: "a number where the schema has something else")
    }
  }

  private mutating func visitFixed(
    _ field: OnnxField?, size: Int, at offset: Int
  ) throws(ImportError) {
    switch field {
    case nil: return
    case .fixedNumber where size == 4: return
    case .fixed(size): try charge(Cost.number, at: offset)
    default: throw .malformed(offset: offset, rule: "a number where the schema has something else")
    }
  }

  private mutating func visitContent(
    _ field: OnnxField?, _ content: Range<Int>, at offset: Int
  ) throws(ImportError) {
    switch field {
    case nil: return
    case .text: try charge(Cost.text, at: offset)
    case .message(let message):
      try charge(Cost.message, at: offset)
      try walk(message, content)
    case .numbers:
      var position = content.lowerBound
      while position < content.upperBound {
        _ = try readVarint(&position, end: content.upperBound)
        try charge(Cost.number, at: offset)
      }
    case .fixed(let size):
      guard content.count % size == 0 else {
        throw .malformed(offset: offset, rule: "a packed list ends inside a number")
      }
    case .number, .fixedNumber:
      throw .malformed(offset: offset, rule: "bytes where the schema has a number")
    }
  }

  private mutating func charge(_ amount: Int, at offset: Int) throws(ImportError) {
    cost += amount
    guard cost <= costLimit else {
      throw .malformed(
        offset: offset, rule: "more small objects than a model of \(bytes.count) bytes may have")
    }
  }

  private func skip(_ count: Int, _ offset: inout Int, end: Int) throws(ImportError) {
    guard end - offset >= count else {
      throw .malformed(offset: offset, rule: "the file ends inside a number")
    }
    offset += count
  }

  private func readVarint(_ offset: inout Int, end: Int) throws(ImportError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while offset < end {
      let byte = bytes[offset]
      offset += 1
      if shift == 63, byte > 1 { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
      shift += 7
      if shift > 63 { break }
    }
    throw .malformed(
      offset: start,
      rule: offset >= end ? "the file or message ends inside a number" : "a number has over 64 bits"
    )
  }
}
