/// What a board's firmware has to say of itself before it does anything.
public struct BoardMemory: Sendable, Equatable {
  /// Bytes of the program in flash.
  public var programBytes: Int
  /// Bytes of its variables.
  public var variableBytes: Int
  /// Bytes set aside for the stack.
  public var stackBytes: Int
  /// Bytes of flash that a model may take.
  public var modelBytes: Int
  /// Bytes of RAM that tensors and scratch may take.
  public var arenaBytes: Int

  /// Sizes as a board states them, in bytes.
  public init(
    programBytes: Int, variableBytes: Int, stackBytes: Int, modelBytes: Int, arenaBytes: Int
  ) {
    self.programBytes = programBytes
    self.variableBytes = variableBytes
    self.stackBytes = stackBytes
    self.modelBytes = modelBytes
    self.arenaBytes = arenaBytes
  }
}

/// What a board did, in the order in which it did it.
package enum Answer: Sendable, Equatable {
  /// Of a model: the rule that it breaks, or nil and the bytes of arena that it needs.
  case judgement(rule: Int?, offset: Int, arenaBytes: Int)
  /// Outputs of so many images; none where the model cannot be run.
  case outputs([Int8], images: Int)
}

package struct Answers: Sendable, Equatable {
  package var memory: BoardMemory
  package var answers: [Answer] = []
  /// Most bytes of stack that were in use.
  package var stackHighWater: Int

  private static let magic = 0x464C_5043

  /// - Throws: `simulator` where the bytes are not what the firmware writes, or not all of it.
  package init(_ bytes: [UInt8]) throws(DeviceError) {
    var reader = WordReader(bytes: bytes)
    guard try reader.word() == Self.magic else {
      throw .simulator("its answers begin with something else")
    }
    memory = BoardMemory(
      programBytes: try reader.word(), variableBytes: try reader.word(),
      stackBytes: try reader.word(), modelBytes: try reader.word(),
      arenaBytes: try reader.word())
    stackHighWater = 0
    while true {
      switch try reader.word() {
      case 0:
        stackHighWater = try reader.word()
        return
      case 1, 3:
        let rule = try reader.word()
        _ = (try reader.word(), try reader.word())
        answers.append(
          .judgement(
            rule: rule == 0 ? nil : rule, offset: try reader.word(),
            arenaBytes: try reader.word()))
      case 2:
        let (images, size) = (try reader.word(), try reader.word())
        answers.append(.outputs(try reader.values(images, size), images: images))
      case let code: throw .simulator("an answer has the code \(code)")
      }
    }
  }
}

/// Little-endian words.
private struct WordReader {
  let bytes: [UInt8]
  var place = 0

  mutating func word() throws(DeviceError) -> Int {
    guard bytes.count - place >= 4 else { throw .simulator("its answers end too early") }
    defer { place += 4 }
    return (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
  }

  mutating func values(_ images: Int, _ size: Int) throws(DeviceError) -> [Int8] {
    let count = images.multipliedReportingOverflow(by: size)
    guard !count.overflow, count.partialValue <= bytes.count - place else {
      throw .simulator("its answers end too early")
    }
    defer { place += count.partialValue }
    return bytes[place..<place + count.partialValue].map { Int8(bitPattern: $0) }
  }
}
