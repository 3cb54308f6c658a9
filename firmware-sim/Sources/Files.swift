import FirmwareSupport

/// The host's orders, little-endian words and bytes.
struct OrderReader {
  private let file: Int32

  init?() {
    file = firmware_open_to_read("orders")
    guard file >= 0 else { return nil }
  }

  func word() -> UInt32? {
    var value: UInt32 = 0
    return firmware_read(file, &value, 4) != 0 ? value : nil
  }

  /// Fills `target`; false where the orders end first.
  func bytes(_ target: UnsafeMutableRawPointer, count: Int) -> Bool {
    firmware_read(file, target, UInt32(truncatingIfNeeded: count)) != 0
  }
}

/// The answers, each of words that begin with the order's code.
struct AnswerWriter {
  private let file: Int32
  /// "CPLF", the first word of all answers.
  static var magic: UInt32 { 0x464C_5043 }

  init?() {
    file = firmware_open_to_write("answers")
    guard file >= 0 else { return nil }
  }

  func words<let count: Int>(_ values: InlineArray<count, UInt32>) {
    withUnsafeBytes(of: values) { bytes in
      _ = firmware_write(file, bytes.baseAddress, UInt32(truncatingIfNeeded: bytes.count))
    }
  }

  func bytes(_ values: UnsafePointer<Int8>, count: Int) {
    _ = firmware_write(file, values, UInt32(truncatingIfNeeded: count))
  }

  func hello(_ memory: firmware_memory) {
    words([
      Self.magic, memory.program_bytes, memory.variable_bytes, memory.stack_bytes,
      memory.model_bytes, memory.arena_bytes,
    ])
  }

  func end(stackBytes: UInt32) { words([Order.end.rawValue, stackBytes]) }

  /// What became of a model: rule broken (0 for none), record kind and index, byte offset, and
  /// bytes of arena that it needs.
  func judgement(_ order: Order, _ judgement: Judgement) {
    words([
      order.rawValue, judgement.rule, judgement.record, judgement.index, judgement.offset,
      judgement.arenaBytes,
    ])
  }
}
