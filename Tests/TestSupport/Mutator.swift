import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import CupelSupport

/// Changes the bytes of a `.cupel` file the way decay, malice and bugs would.
package struct Mutator {
  package var generator: SeededGenerator
  private let seeds: [[UInt8]]

  package init(seeds: [[UInt8]], generator: SeededGenerator) {
    self.seeds = seeds
    self.generator = generator
  }

  package struct Mutant {
    package var bytes: [UInt8]
    /// Whether its digest was made to fit again, so that it gets past the digest check.
    package var isRedigested: Bool
  }

  /// Two in three mutants get their digest recomputed.
  package mutating func next() -> Mutant {
    var bytes = seeds[generator.below(seeds.count)]
    for _ in 0..<generator.integer(in: 1...2) { mutate(&bytes) }
    let redigests = generator.chance(0.67) && bytes.count >= Layout.headerSize
    if redigests {
      // Most changes of length would be caught by the size field alone.
      if generator.chance(0.8) { set(UInt32(bytes.count), at: Layout.Header.fileSize, in: &bytes) }
      CupelWriter.redigest(&bytes)
    }
    return Mutant(bytes: bytes, isRedigested: redigests)
  }

  private mutating func mutate(_ bytes: inout [UInt8]) {
    guard bytes.count >= Layout.headerSize else { return flipBits(&bytes) }
    switch generator.below(16) {
    case 0, 1: flipBits(&bytes)
    case 2: truncate(&bytes)
    case 3: splice(&bytes)
    case 4: insert(&bytes)
    case 5: editHeader(&bytes)
    case 6...8: editTensor(&bytes)
    case 9...13: editOperation(&bytes)
    case 14: editWord(&bytes, in: section(2, of: bytes))
    default: editConstant(&bytes)
    }
  }

  // MARK: - Blind

  private mutating func flipBits(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    for _ in 0..<generator.integer(in: 1...4) {
      bytes[generator.below(bytes.count)] ^= 1 << UInt8(generator.below(8))
    }
  }

  private mutating func truncate(_ bytes: inout [UInt8]) {
    bytes.removeLast(generator.integer(in: 1...bytes.count))
  }

  /// Copies a run from another seed over, or into, this one.
  private mutating func splice(_ bytes: inout [UInt8]) {
    let other = seeds[generator.below(seeds.count)]
    let from = generator.below(other.count)
    let run = other[from..<min(other.count, from + generator.integer(in: 1...200))]
    let place = generator.below(bytes.count)
    let end = generator.chance(0.7) ? min(bytes.count, place + run.count) : place
    bytes.replaceSubrange(place..<end, with: run)
  }

  private mutating func insert(_ bytes: inout [UInt8]) {
    let run = (0..<generator.integer(in: 1...32)).map { _ in
      generator.chance(0.5) ? 0 : UInt8(generator.below(256))
    }
    bytes.insert(
      contentsOf: run, at: generator.chance(0.5) ? bytes.count : generator.below(bytes.count))
  }

  // MARK: - Field by field

  private mutating func editHeader(_ bytes: inout [UInt8]) {
    editWord(&bytes, in: 8..<Layout.Header.reserved)
  }

  private mutating func editTensor(_ bytes: inout [UInt8]) {
    let tensors = section(0, of: bytes)
    guard let record = record(in: tensors, size: Layout.tensorSize) else { return }
    if generator.chance(0.2) {
      // Bits or zero point, byte by byte.
      bytes[record + Layout.Tensor.bits + generator.below(2)] = interestingByte()
    } else {
      editWord(&bytes, in: record..<record + Layout.tensorSize)
    }
  }

  private mutating func editOperation(_ bytes: inout [UInt8]) {
    let operations = section(1, of: bytes)
    guard let record = record(in: operations, size: Layout.operationSize) else { return }
    switch generator.below(4) {
    case 0: bytes[record + generator.below(8)] = interestingByte()
    case 1:
      guard let other = self.record(in: operations, size: Layout.operationSize) else { return }
      for offset in 0..<Layout.operationSize { bytes.swapAt(record + offset, other + offset) }
    default: editWord(&bytes, in: record..<record + Layout.operationSize)
    }
  }

  private mutating func editConstant(_ bytes: inout [UInt8]) {
    let constants = section(4, of: bytes)
    if generator.chance(0.5) {
      editWord(&bytes, in: constants)
    } else if !constants.isEmpty {
      bytes[constants.lowerBound + generator.below(constants.count)] = interestingByte()
    }
  }

  private mutating func editWord(_ bytes: inout [UInt8], in range: Range<Int>) {
    guard range.count >= 4 else { return }
    let place = range.lowerBound + generator.below(range.count / 4) * 4
    set(interestingWord(old: word(at: place, in: bytes)), at: place, in: &bytes)
  }

  private mutating func interestingWord(old: UInt32) -> UInt32 {
    switch generator.below(8) {
    case 0: old &+ 1
    case 1: old &- 1
    case 2: UInt32(generator.below(16))
    case 3: 1 << UInt32(generator.below(32))
    case 4: UInt32(truncatingIfNeeded: generator.next())
    case 5: old &+ UInt32(16 * generator.below(64))
    case 6: 0 &- UInt32(generator.below(40))
    default:
      [0x7FFF_FFFF, 0x8000_0000, 0x7F80_0000, 0x7FC0_0000, 65535, 65536, 1 << 30][
        generator.below(7)]
    }
  }

  private mutating func interestingByte() -> UInt8 {
    generator.chance(0.5)
      ? UInt8(generator.below(16)) : [0x7F, 0x80, 0xFF, 0xF8, 0xF7, 0x07][generator.below(6)]
  }

  // MARK: - Where things stand

  /// The byte range of section `index` as the header states it, clipped to the file.
  private func section(_ index: Int, of bytes: [UInt8]) -> Range<Int> {
    let sizes = [
      Layout.tensorSize, Layout.operationSize, Layout.operandSize, Layout.metadataSize, 1, 1,
    ]
    let place = Layout.Header.sections + 8 * index
    let start = min(Int(word(at: place, in: bytes)), bytes.count)
    let size = Int(word(at: place + 4, in: bytes)) * sizes[index]
    return start..<min(bytes.count, start + size)
  }

  /// The offset of a record drawn from `range`.
  private mutating func record(in range: Range<Int>, size: Int) -> Int? {
    let count = range.count / size
    return count > 0 ? range.lowerBound + generator.below(count) * size : nil
  }

  private func word(at place: Int, in bytes: [UInt8]) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
  }

  private func set(_ value: UInt32, at place: Int, in bytes: inout [UInt8]) {
    for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }
}
