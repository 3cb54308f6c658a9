import CupelDeviceSimulation
import Testing

@Suite struct AnswersTests {
  /// Little-endian words.
  private func bytes(_ words: [Int]) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
  }

  private let head = [0x464C_5043, 1, 2, 3, 4, 5]

  @Test func whatABoardSays() throws {
    let whole =
      bytes(head + [1, 0, 0, 0, 0, 99]) + bytes([2, 2, 3]) + [1, 2, 3, 255, 254, 253]
      + bytes([3, 9, 2, 7, 96, 0]) + bytes([0, 1234])
    let answers = try Answers(whole)
    #expect(
      answers.memory
        == BoardMemory(
          programBytes: 1, variableBytes: 2, stackBytes: 3, modelBytes: 4, arenaBytes: 5))
    #expect(
      answers.answers == [
        .judgement(rule: nil, offset: 0, arenaBytes: 99),
        .outputs([1, 2, 3, -1, -2, -3], images: 2),
        .judgement(rule: 9, offset: 96, arenaBytes: 0),
      ])
    #expect(answers.stackHighWater == 1234)
    for count in whole.indices {
      #expect(throws: DeviceError.self) { try Answers(Array(whole[..<count])) }
    }
  }

  @Test func whatNoBoardSays() {
    for words in [[1, 2, 3, 4, 5, 6, 0, 0], head + [7], head + [2, 0x7FFF_FFFF, 0x7FFF_FFFF]] {
      #expect(throws: DeviceError.self) { try Answers(bytes(words)) }
    }
  }

  @Test func ordersAreWords() {
    var orders = Orders()
    orders.program([7, 8, 9])
    orders.run([1, -1], size: 1, profile: .xnnpack)
    orders.run([5], size: 1)
    orders.flip(bit: 300)
    orders.end()
    #expect(
      orders.bytes == bytes([1, 3]) + [7, 8, 9] + bytes([2, 2, 2, 1]) + [1, 255]
        + bytes([2, 1, 255, 1]) + [5] + bytes([3, 300, 0]))
  }

  @Test func boardsByName() throws {
    for board in Board.allCases {
      #expect(try Board(named: board.processor) == board)
      #expect(try Board(named: board.rawValue) == board)
      #expect(try Board(named: board.machine) == board)
    }
    #expect(throws: DeviceError.board("cortex-m0")) { try Board(named: "cortex-m0") }
  }
}
