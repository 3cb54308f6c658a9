import CupelDeviceSimulation
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import Foundation
import TestSupport
import Testing

/// What a board makes of files that are no models: the error that the validator gives here, and
/// never a fault.
@Suite(.needsBoards)
struct DamagedModelTests {
  /// Of a file with every kind of operation. Up to the digest the header is judged by its own
  /// rules; everything behind it by the digest alone.
  @Test(arguments: Boards.tested)
  func everyFlippedBitIsRefused(_ board: Board) throws {
    let file = try FormatFuzz.seeds(0)[0]
    var generator = SeededGenerator(seed: 31)
    let bits = (0..<1000).map { _ in generator.below(8 * file.count) }
    var orders = Orders()
    orders.program(file)
    for bit in bits { orders.flip(bit: bit) }
    let answers = try Simulator(board).run(orders).answers.answers
    try #require(answers.count == bits.count + 1)
    guard case .judgement(nil, _, _) = answers[0] else {
      Issue.record("the file itself is refused: \(answers[0])")
      return
    }
    for (bit, answer) in zip(bits, answers.dropFirst()) {
      guard case .judgement(let rule?, _, _) = answer else {
        Issue.record("bit \(bit) may be turned over")
        continue
      }
      if bit / 8 >= Layout.Header.digest {
        #expect(rule == Int(FormatRule.digest.rawValue), "bit \(bit)")
      }
    }
  }

  /// Files that are changed and then given a digest that fits: the board finds the same rule
  /// broken at the same place, and runs those that are still models.
  @Test(arguments: Boards.tested)
  func mutantsNeverFault(_ board: Board) throws {
    var mutator = Mutator(seeds: try FormatFuzz.seeds(60), generator: SeededGenerator(seed: 32))
    var orders = Orders()
    var expected: [Answer?] = []
    var redigested = 0
    while redigested < 1000 {
      let mutant = mutator.next()
      guard mutant.isRedigested else { continue }
      redigested += 1
      orders.program(mutant.bytes)
      do {
        try withModelView(mutant.bytes) { model in
          expected.append(nil)
          guard let outputs = try self.outputs(of: model) else { return }
          let zeros = [Int8](repeating: 0, count: model.inputBytes)
          orders.run(zeros, size: zeros.count)
          expected.append(.outputs(outputs, images: 1))
        }
      } catch let error as FormatError {
        expected.append(
          .judgement(rule: Int(error.rule.rawValue), offset: error.offset, arenaBytes: 0))
      }
    }
    let answers = try Simulator(board).run(orders).answers.answers
    try #require(answers.count == expected.count)
    for (index, (answer, expectation)) in zip(answers, expected).enumerated() {
      if let expectation {
        #expect(answer == expectation, "answer \(index)")
      } else if case .judgement(nil, _, _) = answer {
        continue
      } else {
        Issue.record("answer \(index): a valid model is refused: \(answer)")
      }
    }
  }

  /// What the reference kernels answer to an image of zeros; nil for what takes too long.
  private func outputs(of model: ModelView) throws -> [Int8]? {
    var visits: Int64 = 0
    for index in 0..<model.operationCount {
      let sum = visits.addingReportingOverflow(model.visits(index))
      visits = sum.overflow ? .max : sum.partialValue
    }
    let arenaBytes = Interpreter.arenaBytes(for: model)
    guard visits <= 1_000_000, arenaBytes <= 1 << 20 else { return nil }
    let arena = UnsafeMutableRawBufferPointer.allocate(byteCount: arenaBytes, alignment: 16)
    defer { arena.deallocate() }
    let interpreter = try Interpreter(model: model, arena: arena)
    let input = [Int8](repeating: 0, count: model.inputBytes)
    var output = [Int8](repeating: 0, count: model.outputBytes)
    try input.withUnsafeBufferPointer { source in
      try output.withUnsafeMutableBufferPointer { target in
        try interpreter.run(input: source, output: target)
      }
    }
    return output
  }
}
