import CupelHostRuntime
import CupelIntegerRuntime
import CupelModelWriter
import TestSupport
import Testing

/// Several inputs and outputs.
@Suite struct SeveralEndsTests {
  private let file: [UInt8]

  init() throws { file = try CupelWriter.bytes(of: SeveralEnds.program) }

  @Test func theInterpreterTakesAndGivesAll() throws {
    try withModelView(file) { model in
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
      defer { memory.deallocate() }
      let interpreter = try Interpreter(model: model, arena: memory)
      var output = [Int8](repeating: 77, count: SeveralEnds.outputs.count)
      try SeveralEnds.image.withUnsafeBufferPointer { input in
        try output.withUnsafeMutableBufferPointer { try interpreter.run(input: input, output: $0) }
      }
      #expect(output == SeveralEnds.outputs)
      SeveralEnds.image.dropLast().withUnsafeBufferPointer { input in
        _ = #expect(throws: RuntimeError.inputSize(needed: 5)) {
          try interpreter.setInput(input)
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available, [1, 2, 5])
  func theEngineDoesSoImageAfterImage(level: InstructionSet, threads: Int) throws {
    let engine = try IntegerEngine(bytes: file, instructionSet: level)
    let other = SeveralEnds.image.map { $0 / 2 }
    let inputs = SeveralEnds.image + other + SeveralEnds.image
    let halves: [Int8] = [2, -10, 50, 4, -64]
    let expected =
      SeveralEnds.outputs + [2, -10] + halves + [2, -10, 10, 4, -10] + SeveralEnds.outputs
    #expect(try engine.outputs(inputs, threads: threads) == expected)
    // Of the limited values, 10 is the largest.
    #expect(try engine.classes(inputs, threads: threads) == [2, 2, 2])
  }

  @Test func theEngineTellsThem() throws {
    let engine = try IntegerEngine(bytes: file)
    #expect(engine.inputs.map(\.name) == ["a", "b"] && engine.inputs[1].values == 2..<5)
    #expect(engine.outputs.map(\.name) == ["a", "ab", "few"])
    #expect(engine.answer.name == "few" && engine.answer.values == 7..<12)
    #expect(engine.inputCount == 5 && engine.outputCount == 12)
    var seen: [Int: [Int8]] = [:]
    try engine.trace(SeveralEnds.image) { seen[$0] = $1 }
    #expect(
      seen == [
        0: [5, -20], 1: [100, 9, -128], 2: [5, -20, 100, 9, -128],
        3: [5, -10, 10, 9, -10],
      ])
  }
}
