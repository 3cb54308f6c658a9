import CupelIntegerOperators
import CupelModelFormat

extension FormatRuleTests {
  /// A file of `tensors` and `operations` zeroed records and nothing else.
  private static func skeleton(tensors: Int, operations: Int) -> [UInt8] {
    let operationStart = 128 + tensors * 40
    let end = operationStart + operations * 96
    let size = (end + 15) / 16 * 16
    var editor = FileEditor(bytes: [UInt8](repeating: 0, count: size))
    editor.bytes.replaceSubrange(0..<8, with: [0x43, 0x55, 0x50, 0x45, 0x4C, 0x0D, 0x0A, 0x1A])
    editor.bytes[8] = 1
    let words = [
      128, size, 0, 0, 0, 128, tensors, operationStart, operations, end, 0, end, 0, size, 0, size,
      0,
    ]
    for (index, word) in words.enumerated() { editor.set(12 + 4 * index, word) }
    return editor.bytes
  }

  static let headerCases: [Case] = [
    Case(.tooShort, .header) { $0.bytes.removeLast($0.bytes.count - 127) },
    Case(.tooShort, .header) { $0.bytes = [] },
    Case(.magic, .header) { $0.bytes[7] = 0x1B },
    Case(.version, .header) { $0.bytes[8] = 2 },
    Case(.version, .header) { $0.bytes[10] = 1 },
    Case(.version, .header) { $0.bytes[10] = 3 },
    Case(.headerSize, .header) { $0.set(12, 64) },
    Case(.fileSize, .header) { $0.bytes.append(0) },
    Case(.fileSize, .header) { $0.set(16, -1) },
    Case(.reserved, .header) { $0.bytes[95] = 1 },
    Case(.reserved, .tensor(2)) { $0.bytes[$0.tensor(2, 38)] = 1 },
    Case(.sectionPlace, .header) { $0.set(32, 132) },
    Case(.sectionPlace, .header) { $0.set(36, -1) },
    Case(.sectionPlace, .header) { $0.set(36, 0x7FFF_FFFF) },
    Case(.sectionPlace, .header) { $0.set(76, $0.count(5) - 1) },
    Case(.sectionGap, .header) { $0.bytes[$0.section(4) - 1] = 1 },
    Case(.tensorCount, .header) { $0.bytes = skeleton(tensors: 0, operations: 0) },
    Case(.tensorCount, .header) { $0.bytes = skeleton(tensors: 4097, operations: 0) },
    Case(.operationCount, .header) { $0.bytes = skeleton(tensors: 1, operations: 1) },
    // Born at the beginning: an input, which no operation gives.
    Case(.operationCount, .header) { $0.set($0.tensor(4, 24), 0) },
    Case(.inputTensor, .header) { $0.set(24, 14) },
    Case(.inputTensor, .header) { $0.set(24, -1) },
    Case(.inputTensor, .header) { $0.set(24, 1) },
    Case(.inputTensor, .header) { $0.bytes[$0.tensor(0, 36)] = 4 },
    Case(.outputTensor, .header) { $0.set(28, 14) },
    Case(.outputTensor, .header) { $0.set(28, 2) },
    Case(.arenaSize, .header) { $0.set(20, $0.word(20) + 16) },
    Case(.arenaSize, .header) { $0.set(20, -16) },
    Case(.stringPlace, .tensor(0)) { $0.set($0.tensor(0, 0), $0.section(5) + 1) },
    Case(.stringPlace, .operation(0)) { $0.set($0.operation(0, 12), 0x7FFF_FFFF) },
    Case(.stringPlace, .metadata(2)) { $0.set($0.section(3) + 36, -1) },
    Case(.stringPlace, .header) { $0.set($0.section(3) + 44, 4) },
    Case(.stringText, .tensor(0)) { $0.bytes[$0.section(5)] = 0x1B },
    Case(.stringText, .tensor(1)) { $0.bytes[$0.section(5) + 5] = 0xFF },
    Case(.stringText, .metadata(0)) { $0.bytes[$0.word($0.section(3) + 8)] = 0x80 },
    Case(.metadataKey, .metadata(1)) { $0.bytes[$0.word($0.section(3) + 16)] = 0x20 },
    Case(.metadataOrder, .metadata(1)) { $0.bytes[$0.word($0.section(3))] = 0x73 + 1 },
  ]

  static let tensorCases: [Case] = [
    Case(.extent, .tensor(3)) { $0.set($0.tensor(3, 12), 0) },
    Case(.extent, .tensor(3)) { $0.set($0.tensor(3, 16), -1) },
    Case(.elementCount, .tensor(3)) { $0.set($0.tensor(3, 8), 0x2000_0000) },
    Case(.bits, .tensor(1)) { $0.bytes[$0.tensor(1, 36)] = 5 },
    Case(.zeroPoint, .tensor(2)) { $0.bytes[$0.tensor(2, 37)] = 8 },
    Case(.tensorScale, .tensor(1)) { $0.set($0.tensor(1, 32), 0) },
    Case(.tensorScale, .tensor(1)) { $0.set($0.tensor(1, 32), 0x7F80_0000) },
    Case(.tensorScale, .tensor(1)) { $0.set($0.tensor(1, 32), 0x7FC0_0000) },
    Case(.tensorScale, .tensor(1)) { $0.set($0.tensor(1, 32), 0xBF80_0000) },
    Case(.arenaPlace, .tensor(4)) { $0.set($0.tensor(4, 20), 8) },
    Case(.arenaPlace, .tensor(4)) { $0.set($0.tensor(4, 20), $0.word(20)) },
    Case(.arenaPlace, .tensor(4)) { $0.set($0.tensor(4, 20), -16) },
    Case(.born, .tensor(4)) { $0.set($0.tensor(4, 24), 14) },
    Case(.born, .tensor(4)) { $0.set($0.tensor(4, 24), -1) },
    Case(.lastUse, .tensor(4)) { $0.set($0.tensor(4, 28), 15) },
    Case(.lastUse, .tensor(4)) { $0.set($0.tensor(4, 28), 4) },
    // Tensor 1 is read by operations 1 and 3: too early and too late.
    Case(.lastUse, .tensor(1)) { $0.set($0.tensor(1, 28), 3) },
    Case(.lastUse, .tensor(1)) { $0.set($0.tensor(1, 28), 5) },
    // That would be a second output.
    Case(.version, .header) { $0.set($0.tensor(1, 28), 14) },
    Case(.unusedField, .operation(6)) { $0.bytes[$0.operation(6, 67)] = 0x80 },
    Case(.arenaOverlap, .tensor(1)) { $0.layOver(1, 0) },
    Case(.arenaOverlap, .tensor(13)) { $0.layOver(13, 12) },
  ]

  static let operationCases: [Case] = [
    Case(.kind, .operation(5)) { $0.bytes[$0.operation(5, 0)] = 0 },
    Case(.kind, .operation(5)) { $0.bytes[$0.operation(5, 0)] = 39 },
    Case(.rounding, .operation(0)) { $0.bytes[$0.operation(0, 1)] = 4 },
    // In double: for operations with weights only.
    Case(.rounding, .operation(11)) { $0.bytes[$0.operation(11, 1)] = 3 },
    Case(.unusedField, .operation(0)) { $0.bytes[$0.operation(0, 7)] = 1 },
    Case(.unusedField, .operation(0)) { $0.bytes[$0.operation(0, 6)] = 1 },
    Case(.rounding, .operation(3)) { $0.bytes[$0.operation(3, 1)] = 1 },
    Case(.unusedField, .operation(5)) { $0.bytes[$0.operation(5, 5)] = 1 },
    Case(.unusedField, .operation(5)) { $0.bytes[$0.operation(5, 2)] = 8 },
    Case(.unusedField, .operation(1)) { $0.bytes[$0.operation(1, 3)] = 1 },
    Case(.unusedField, .operation(5)) { $0.set($0.operation(5, 28), 1) },
    // The upper byte of its low: 256 above.
    Case(.clampRange, .operation(7)) { $0.set($0.operation(7, 28), 1) },
    Case(.unusedField, .operation(7)) { $0.set($0.operation(7, 28), 1 << 16) },
    Case(.unusedField, .operation(8)) { $0.set($0.operation(8, 28), 1 << 8) },
    Case(.unusedField, .operation(4)) { $0.set($0.parameter(Sample.depthwise, 8), 1) },
    Case(.unusedField, .operation(12)) { $0.set($0.parameter(Sample.fullyConnected, 1), 1) },
    Case(.unusedField, .operation(7)) { $0.set($0.parameter(Sample.clamp, 15), 1) },
    Case(.operandPlace, .operation(2)) { $0.set($0.operation(2, 16), 3) },
    Case(.operandPlace, .header) { $0.addOperand() },
    Case(.operandCount, .operation(3)) { $0.set($0.operation(3, 20), 1) },
    Case(.operandCount, .operation(0)) { $0.set($0.operation(0, 20), 2) },
    Case(.operandCount, .operation(10)) { $0.set($0.operation(10, 20), 65) },
    Case(.operandIndex, .operation(2)) { $0.set($0.operand(2), 14) },
    Case(.operandIndex, .operation(2)) { $0.set($0.operand(2), -1) },
    Case(.operandOrder, .operation(2)) { $0.set($0.operand(2), 3) },
    Case(.operandOrder, .operation(2)) { $0.set($0.operand(2), 9) },
    Case(.outputIndex, .operation(2)) { $0.set($0.operation(2, 24), 14) },
    Case(.outputIndex, .operation(2)) { $0.set($0.operation(2, 24), 0) },
    Case(.outputIndex, .operation(2)) { $0.set($0.operation(2, 24), 1) },
    // Extents turned round keep the element count.
    Case(.outputExtent, .operation(1)) { $0.swap(tensor: 2, 8, 12) },
    Case(.outputExtent, .operation(3)) { $0.swap(tensor: 4, 8, 12) },
    Case(.outputExtent, .operation(10)) { $0.set($0.tensor(11, 8), 3) },
    Case(.outputExtent, .operation(11)) { $0.swap(tensor: 12, 8, 16) },
    Case(.outputExtent, .operation(12)) { $0.swap(tensor: 13, 8, 16) },
    Case(.grids, .operation(5)) { $0.bytes[$0.tensor(6, 37)] = 4 },
    Case(.grids, .operation(6)) { $0.set($0.tensor(7, 32), 0x3F80_0000) },
    Case(.clampRange, .operation(7)) { $0.bytes[$0.operation(7, 4)] = 101 },
    Case(.clampRange, .operation(1)) { $0.bytes[$0.operation(1, 5)] = 8 },
    Case(.padding, .operation(8)) { $0.set($0.parameter(Sample.pad, 0), 3) },
    Case(.padding, .operation(8)) { $0.set($0.parameter(Sample.pad, 2), -1) },
    Case(.slice, .operation(9)) { $0.set($0.parameter(Sample.slice, 0), 3) },
    Case(.slice, .operation(9)) { $0.set($0.parameter(Sample.slice, 1), -1) },
    Case(.slice, .operation(9)) { $0.set($0.parameter(Sample.slice, 4), 0) },
    Case(.slice, .operation(9)) { $0.set($0.parameter(Sample.slice, 4), 0x7FFF_FFFF) },
    Case(.axis, .operation(10)) { $0.bytes[$0.operation(10, 3)] = 3 },
  ]

  static let windowCases: [Case] = [
    Case(.windowStep, .operation(0)) { $0.set($0.parameter(0, 0), 0) },
    Case(.windowStep, .operation(0)) { $0.set($0.parameter(0, 5), 65536) },
    Case(.windowStep, .operation(5)) { $0.set($0.parameter(Sample.maxPool, 2), -1) },
    Case(.windowPadding, .operation(0)) { $0.set($0.parameter(0, 6), 3) },
    Case(.windowPadding, .operation(0)) { $0.set($0.parameter(0, 7), -1) },
    // The average pool's input is 3 × 2: dilated by 4, its middle tap alone can meet a row.
    Case(.windowPadding, .operation(6)) {
      $0.set($0.parameter(Sample.averagePool, 4), 4)
      $0.set($0.parameter(Sample.averagePool, 6), 4)
    },
    Case(.windowOutput, .operation(0)) { $0.set($0.parameter(0, 2), 2) },
    Case(.windowOutput, .operation(5)) { $0.set($0.parameter(Sample.maxPool, 3), 1) },
    // 3 rows, padded to 4096 + 2, and 2 columns to 2048 + 1.
    Case(.poolArea, .operation(6)) {
      $0.set($0.parameter(Sample.averagePool, 0), 4096)
      $0.set($0.parameter(Sample.averagePool, 1), 2048)
      $0.set($0.parameter(Sample.averagePool, 6), 2048)
      $0.set($0.parameter(Sample.averagePool, 7), 1024)
    },
    Case(.groups, .operation(2)) { $0.set($0.parameter(Sample.grouped, 8), 0) },
    Case(.groups, .operation(2)) { $0.set($0.parameter(Sample.grouped, 8), 3) },
  ]

  static let constantCases: [Case] = [
    Case(.weightBits, .operation(0)) { $0.bytes[$0.operation(0, 2)] = 2 },
    Case(.constantPlace, .operation(0)) { $0.set($0.parameter(0, 9), $0.section(4) + 16) },
    Case(.constantPlace, .operation(0)) { $0.set($0.parameter(0, 10), 55) },
    Case(.constantPlace, .operation(2)) { $0.set($0.parameter(Sample.grouped, 11), -4) },
    Case(.constantPlace, .operation(2)) { $0.set($0.parameter(Sample.grouped, 8), 1) },
    Case(.constantGap, .operation(12)) {
      $0.bytes[$0.array(Sample.fullyConnected, 9) + 15] = 1
    },
    Case(.weightPadding, .operation(0)) { $0.bytes[$0.array(0, 9) + 13] |= 0x10 },
    Case(.multiplier, .operation(0)) { $0.set($0.array(0, 12), (1 << 30) - 1) },
    Case(.multiplier, .operation(0)) { $0.set($0.array(0, 12) + 4, 1 << 31) },
    Case(.multiplier, .operation(1)) { $0.set($0.parameter(1, 1), 1) },
    Case(.multiplier, .operation(3)) { $0.set($0.parameter(3, 4), -(1 << 30)) },
    Case(.shift, .operation(0)) { $0.bytes[$0.array(0, 14) + 2] = 31 },
    Case(.shift, .operation(0)) { $0.bytes[$0.array(0, 14) + 2] = 0xE0 },
    Case(.shift, .operation(3)) { $0.set($0.parameter(3, 2), 1) },
    Case(.shift, .operation(3)) { $0.set($0.parameter(3, 5), -32) },
    Case(.weightScale, .operation(0)) { $0.set($0.array(0, 13), 0x7FC0_0000) },
    Case(.ratio, .operation(0)) { $0.set($0.array(0, 13), 0x3B80_0000) },
    Case(.ratio, .operation(11)) { $0.set($0.parameter(11, 0), 0) },
    Case(.weightScale, .operation(4)) { $0.set($0.array(4, 13) + 4, 0x7F80_0000) },
    Case(.overflow, .operation(0)) { $0.set($0.array(0, 11), Int(Int32.max)) },
    Case(.overflow, .operation(0)) { $0.set($0.array(0, 11), Int(Int32.min)) },
    // Up to 131 shifted left by 24: beyond 2^31.
    Case(.overflow, .operation(1)) {
      $0.set($0.parameter(1, 2), 24)
      $0.set($0.parameter(1, 0), (127 + 23) << 23)
    },
  ]
}

/// Rules of the kinds that came with minor version 1, on `Sample.kinds`.
extension FormatRuleTests {
  static let kindCases: [Case] = [
    Case(.version, .header) { $0.bytes[10] = 0 },
    Case(.operandCount, .operation(0)) { $0.set($0.operation(0, 20), 1) },
    Case(.constantPlace, .operation(0)) { $0.set($0.parameter(0, 10), 23) },
    Case(.constantPlace, .operation(0)) { $0.set($0.parameter(0, 9), $0.section(4) + 16) },
    Case(.constantGap, .operation(6)) { $0.bytes[$0.array(6, 9) - 1] = 1 },
    Case(.outputExtent, .operation(1)) { $0.swap(tensor: 2, 8, 12) },
    Case(.shift, .operation(1)) { $0.set($0.parameter(1, 5), 1) },
    Case(.multiplier, .operation(2)) { $0.set($0.parameter(2, 1), 5) },
    // 128 · 135 shifted left by 17: beyond 2^31.
    Case(.overflow, .operation(2)) {
      $0.set($0.parameter(2, 2), 17)
      $0.set($0.parameter(2, 0), (127 + 16) << 23)
    },
    Case(.axis, .operation(3)) { $0.set($0.parameter(3, 0), 3) },
    Case(.axis, .operation(3)) { $0.set($0.parameter(3, 1), 2) },
    Case(.outputExtent, .operation(3)) { $0.swap(tensor: 4, 8, 12) },
    Case(.outputExtent, .operation(4)) { $0.set($0.tensor(5, 8), 5) },
    Case(.grids, .operation(4)) { $0.bytes[$0.tensor(5, 37)] = 4 },
    Case(.outputExtent, .operation(5)) { $0.set($0.tensor(6, 12), 2) },
    Case(.grids, .operation(5)) { $0.set($0.tensor(6, 32), 0x3F80_0000) },
    Case(.offGrid, .operation(6)) { $0.bytes[$0.array(6, 9) + 255] = 8 },
    Case(.constantPlace, .operation(6)) { $0.set($0.parameter(6, 10), 255) },
    Case(.unusedField, .operation(6)) { $0.set($0.parameter(6, 8), 1) },
    Case(.multiplier, .operation(7)) { $0.set($0.parameter(7, 0), -(1 << 30)) },
    Case(.shift, .operation(7)) { $0.set($0.parameter(7, 1), 32) },
    Case(.softmax, .operation(7)) { $0.bytes[$0.tensor(8, 37)] = 0x81 },
    Case(.softmax, .operation(7)) { $0.set($0.tensor(8, 32), 0x3B90_0000) },
    Case(.unusedField, .operation(7)) { $0.set($0.parameter(7, 2), 1) },
  ]
}

/// Rules of what came with minor version 2, on `Sample.named`.
extension FormatRuleTests {
  static let namedCases: [Case] = [
    Case(.version, .header) { $0.bytes[10] = 1 },
    Case(.table, .operation(0)) { $0.bytes[$0.array(0, 9) + 7] ^= 1 },
    Case(.table, .operation(0)) { $0.set($0.parameter(0, 0), 5) },
    Case(.table, .operation(0)) { $0.set($0.parameter(0, 0), 0) },
    Case(.table, .operation(0)) { $0.set($0.parameter(0, 0), 2) },
    Case(.table, .operation(0)) { $0.set($0.parameter(0, 1), 3) },
    Case(.table, .operation(0)) { $0.set($0.parameter(0, 2), 0x7F80_0000) },
    Case(.table, .operation(0)) { $0.set($0.parameter(0, 2), 0x3F00_0000) },
    Case(.windowPadding, .operation(1)) { $0.set($0.parameter(1, 6), 3) },
    Case(.windowOutput, .operation(1)) { $0.set($0.parameter(1, 2), 5) },
    Case(.windowStep, .operation(1)) { $0.set($0.parameter(1, 3), 0) },
    Case(.groups, .operation(1)) { $0.set($0.parameter(1, 8), 2) },
    Case(.constantPlace, .operation(1)) { $0.set($0.parameter(1, 10), 53) },
  ]
}

/// Rules of what came with minor version 4, on `Sample.rows`.
extension FormatRuleTests {
  static let rowsCases: [Case] = [
    Case(.version, .header) { $0.bytes[10] = 3 },
    Case(.gather, .operation(0)) { $0.set($0.array(0, 9), 3) },
    Case(.gather, .operation(0)) { $0.set($0.array(0, 9) + 4, -1) },
    Case(.axis, .operation(0)) { $0.bytes[$0.operation(0, 3)] = 3 },
    Case(.constantPlace, .operation(0)) { $0.set($0.parameter(0, 10), 12) },
    Case(.grids, .operation(0)) { $0.bytes[$0.tensor(1, 37)] = 4 },
    Case(.resize, .operation(1)) { $0.set($0.parameter(1, 0), 1) },
    Case(.resize, .operation(1)) { $0.set($0.parameter(1, 1), 2) },
    Case(.outputExtent, .operation(1)) { $0.swap(tensor: 2, 12, 16) },
    Case(.outputExtent, .operation(3)) { $0.swap(tensor: 4, 12, 16) },
    Case(.rounding, .operation(3)) { $0.bytes[$0.operation(3, 1)] = 4 },
    // Four times 131 · 133 shifted left by 17: beyond 2^31.
    Case(.overflow, .operation(3)) {
      $0.set($0.parameter(3, 2), 17)
      $0.set($0.parameter(3, 0), (127 + 16) << 23)
    },
    Case(.outputExtent, .operation(4)) { $0.set($0.parameter(4, 0), 18) },
    Case(.outputExtent, .operation(4)) { $0.set($0.parameter(4, 0), -1) },
  ]
}

/// Rules of tensors of 16 bits, on `Sample.wide`.
extension FormatRuleTests {
  static let wideCases: [Case] = [
    Case(.version, .header) { $0.bytes[8] = 1 },
    Case(.version, .header) { $0.bytes[8] = 3 },
    Case(.zeroPoint, .tensor(1)) { $0.bytes[$0.tensor(1, 37)] = 1 },
    // A requantization may change the width; nothing else may.
    Case(.grids, .operation(1)) {
      $0.bytes[$0.tensor(2, 36)] = 8
      $0.bytes[$0.operation(1, 1)] = 0
      for place in [4, 5, 28, 29] { $0.bytes[$0.operation(1, place)] = 0 }
    },
    Case(.rounding, .operation(0)) { $0.bytes[$0.operation(0, 1)] = 2 },
    Case(.rounding, .operation(1)) { $0.bytes[$0.operation(1, 1)] = 2 },
    Case(.rounding, .operation(2)) { $0.bytes[$0.operation(2, 1)] = 8 },
    Case(.clampRange, .operation(2)) {
      $0.bytes[$0.operation(2, 28)] = 0x7F
      $0.bytes[$0.operation(2, 29)] = 0
    },
    // Biases of 64 bits that none needs, that double rounding has no room for, elsewhere.
    Case(.unusedField, .operation(1)) { editor in
      for channel in 0..<4 { editor.set(editor.array(1, 15) + 4 * channel, 0) }
    },
    Case(.unusedField, .operation(1)) { $0.bytes[$0.operation(1, 1)] = 0 },
    Case(.constantPlace, .operation(1)) { $0.set($0.parameter(1, 15), 64) },
    // The scaled bias, and the bias itself.
    Case(.overflow, .operation(1)) { $0.set($0.array(1, 15), 1 << 15) },
    Case(.overflow, .operation(1)) { $0.set($0.array(1, 15), -(1 << 31)) },
    Case(.multiplier, .operation(2)) { $0.set($0.parameter(2, 0), (1 << 30) + 1) },
    Case(.table, .operation(3)) { $0.set($0.parameter(3, 0), 3) },
    Case(.table, .operation(3)) { $0.set($0.parameter(3, 1), 1) },
    Case(.table, .operation(3)) { $0.set($0.tensor(4, 32), 0x3880_0000) },
    Case(.table, .operation(3)) { $0.set($0.parameter(3, 2), 1) },
    Case(.shift, .operation(4)) { $0.set($0.parameter(4, 1), 15) },
    Case(.softmax, .operation(4)) { $0.set($0.tensor(5, 32), 0x3880_0000) },
    Case(.poolArea, .operation(5)) {
      $0.set($0.parameter(5, 0), 256)
      $0.set($0.parameter(5, 1), 128)
      $0.set($0.parameter(5, 6), 255)
      $0.set($0.parameter(5, 7), 127)
    },
  ]
}

extension FileEditor {
  /// Gives one tensor another's place in the arena, the arena's size made to fit.
  mutating func layOver(_ tensor: Int, _ other: Int) {
    set(self.tensor(tensor, 20), word(self.tensor(other, 20)))
    var end = 0
    for index in 0..<count(0) {
      let size = [8, 12, 16].reduce(1) { $0 * word(self.tensor(index, $1)) }
      end = max(end, word(self.tensor(index, 20)) + size)
    }
    set(20, (end + 15) / 16 * 16)
  }

  mutating func swap(tensor: Int, _ field: Int, _ other: Int) {
    let value = word(self.tensor(tensor, field))
    set(self.tensor(tensor, field), word(self.tensor(tensor, other)))
    set(self.tensor(tensor, other), value)
  }

  /// An operand that belongs to no operation, everything behind it moved by 16 bytes.
  mutating func addOperand() {
    let end = operand(count(2))
    bytes.insert(contentsOf: [UInt8](repeating: 0, count: 16), at: end)
    set(16, bytes.count)
    set(52, count(2) + 4)
    for index in 3...5 { set(32 + 8 * index, section(index) + 16) }
    for index in 0..<count(0) { set(tensor(index, 0), word(tensor(index, 0)) + 16) }
    for index in 0..<count(1) {
      set(operation(index, 8), word(operation(index, 8)) + 16)
      for array in [9, 11, 12, 13, 14] where bytes[operation(index, 2)] != 0 {
        set(parameter(index, array), word(parameter(index, array)) + 16)
      }
    }
    for index in 0..<count(3) {
      for field in [0, 8] {
        let place = section(3) + 16 * index + field
        set(place, word(place) + 16)
      }
    }
  }
}
