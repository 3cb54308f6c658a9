import CupelSupport

/// Damages ONNX files in the ways that find bugs: blindly, and along the protobuf structure, so that
/// most files are still well-formed and reach the checks behind the decoder.
struct OnnxMutator: FileMutator {
  private let bytes: [UInt8]
  /// Every field found by reading nested messages wherever that works out.
  private let fields: [Field]

  private struct Field {
    /// Of the whole field, and of its content: a number's bytes, or what follows the length.
    let whole, content: Range<Int>
    let wireType: Int
    /// Where the lengths of the enclosing messages are written, outermost first.
    let lengths: [Range<Int>]
  }

  enum Kind: CaseIterable {
    case bitFlips, truncation, splice, numbers, fieldRemoval, fieldRepetition, fieldExchange
    case floats
  }

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    var fields: [Field] = []
    Self.scan(bytes, bytes.indices, lengths: [], into: &fields)
    self.fields = fields
  }

  func mutated(_ kind: Kind, by generator: inout SeededGenerator) -> [UInt8] {
    switch kind {
    case .bitFlips:
      var copy = bytes
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let index = Int.random(in: copy.indices, using: &generator)
        copy[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      return copy
    case .truncation:
      return Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator)))
    case .splice:
      var copy = bytes
      let length = Int.random(in: 1...min(256, bytes.count / 2), using: &generator)
      let from = Int.random(in: 0...bytes.count - length, using: &generator)
      let to = Int.random(in: 0...bytes.count - length, using: &generator)
      copy.replaceSubrange(to..<to + length, with: bytes[from..<from + length])
      return copy
    case .numbers: return changingNumbers(&generator)
    case .fieldRemoval:
      guard let field = fields.randomElement(using: &generator) else { return bytes }
      return replacing(field.whole, with: [], lengths: field.lengths)
    case .fieldRepetition:
      guard let field = fields.randomElement(using: &generator), field.whole.count < 4096 else {
        return bytes
      }
      let times = Int.random(in: 2...16, using: &generator)
      let copies = Array(repeating: bytes[field.whole], count: times).flatMap { $0 }
      return replacing(field.whole, with: copies, lengths: field.lengths)
    case .fieldExchange:
      guard let field = fields.randomElement(using: &generator),
        let other = fields.randomElement(using: &generator)
      else { return bytes }
      return replacing(field.whole, with: Array(bytes[other.whole]), lengths: field.lengths)
    case .floats: return changingFloats(&generator)
    }
  }

  /// Dimensions, types, versions, attributes: numbers that mean something.
  private func changingNumbers(_ generator: inout SeededGenerator) -> [UInt8] {
    guard let field = fields.filter({ $0.wireType == 0 }).randomElement(using: &generator) else {
      return bytes
    }
    let values: [Int64] = [
      0, 1, 2, 3, 4, 7, 8, 9, 255, 65_536, 1 << 20, 1 << 26, 1 << 31, 1 << 40, .max, -1, -2,
      -(1 << 31), .min,
    ]
    var writer = OnnxWriter()
    writer.varint(UInt64(bitPattern: values.randomElement(using: &generator) ?? 0))
    return replacing(field.content, with: writer.bytes, lengths: field.lengths)
  }

  /// Weights, or shape constants in raw bytes: aligned words in a long content.
  private func changingFloats(_ generator: inout SeededGenerator) -> [UInt8] {
    let long = fields.filter { $0.wireType == 2 && $0.content.count >= 8 }
    guard let field = long.randomElement(using: &generator) else { return bytes }
    let words: [[UInt8]] = [
      [0, 0, 0xC0, 0x7F], [0, 0, 0x80, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0x80],
      [0xFF, 0xFF, 0x7F, 0x7F], [0, 0, 0, 0], [1, 0, 0, 0],
    ]
    var copy = bytes
    let word = words.randomElement(using: &generator) ?? []
    let slot = Int.random(in: 0..<field.content.count / 4, using: &generator)
    let start = field.content.lowerBound + 4 * slot
    copy.replaceSubrange(start..<start + 4, with: word)
    return copy
  }

  /// Replaces a part and corrects the lengths of the messages around it.
  private func replacing(
    _ range: Range<Int>, with content: [UInt8], lengths: [Range<Int>]
  ) -> [UInt8] {
    var copy = bytes
    copy.replaceSubrange(range, with: content)
    var change = content.count - range.count
    for length in lengths.reversed() {
      var old = 0
      for (index, byte) in bytes[length].enumerated() { old |= Int(byte & 0x7F) << (7 * index) }
      var writer = OnnxWriter()
      writer.varint(UInt64(max(old + change, 0)))
      copy.replaceSubrange(length, with: writer.bytes)
      change += writer.bytes.count - length.count
    }
    return copy
  }

  @discardableResult
  private static func scan(
    _ bytes: [UInt8], _ range: Range<Int>, lengths: [Range<Int>], into fields: inout [Field]
  ) -> Bool {
    let mark = fields.count
    var offset = range.lowerBound
    while offset < range.upperBound {
      let start = offset
      guard lengths.count < 8, let tag = varint(bytes, &offset, range.upperBound), tag >= 8,
        tag < 256
      else { break }
      let numberStart = offset
      var content: Range<Int>
      switch tag & 7 {
      case 0:
        guard varint(bytes, &offset, range.upperBound) != nil else { break }
        content = numberStart..<offset
        fields.append(
          Field(whole: start..<offset, content: content, wireType: 0, lengths: lengths))
        continue
      case 5 where offset + 4 <= range.upperBound:
        offset += 4
        fields.append(
          Field(
            whole: start..<offset, content: numberStart..<offset, wireType: 5, lengths: lengths))
        continue
      case 2:
        guard let length = varint(bytes, &offset, range.upperBound),
          length <= range.upperBound - offset
        else { break }
        content = offset..<offset + length
        let field = Field(
          whole: start..<content.upperBound, content: content, wireType: 2, lengths: lengths)
        fields.append(field)
        scan(bytes, content, lengths: lengths + [numberStart..<offset], into: &fields)
        offset = content.upperBound
        continue
      default: break
      }
      break
    }
    if offset == range.upperBound { return true }
    fields.removeSubrange(mark...)
    return false
  }

  private static func varint(_ bytes: [UInt8], _ offset: inout Int, _ end: Int) -> Int? {
    var value = 0
    var shift = 0
    while offset < end, shift < 56 {
      let byte = bytes[offset]
      offset += 1
      value |= Int(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    // Ten bytes are a negative number: legal, and its value does not matter here.
    while offset < end, shift < 70 {
      offset += 1
      shift += 7
      if bytes[offset - 1] < 0x80 { return Int.max }
    }
    return nil
  }
}
