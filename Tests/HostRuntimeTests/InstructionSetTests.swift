import CupelHostRuntime
import CupelSupport
import TestSupport
import Testing

@Suite struct InstructionSetTests {
  /// Whatever kernels run, however much scratch they have and however the work is shared out.
  @Test func everyInstructionSetGivesTheSame() throws {
    var generator = SeededGenerator(seed: 12)
    for (index, file) in try FormatFuzz.seeds(12).enumerated() {
      let reference = try IntegerEngine(bytes: file, instructionSet: .reference)
      let half = 1 << (reference.inputBits - 1)
      // One image, fewer than threads, and several batches of which the last is not full.
      for images in [1, 2, 75] {
        let inputs = (0..<images * reference.inputCount).map { _ in
          Int8(generator.integer(in: -half...half - 1))
        }
        let expected = try reference.outputs(inputs, threads: 1)
        for set in InstructionSet.available {
          for memory in IntegerEngine.MemoryUse.allCases {
            let engine = try IntegerEngine(bytes: file, instructionSet: set, memory: memory)
            #expect(engine.instructionSet == set)
            for threads in [1, 2, 3] {
              #expect(
                try engine.outputs(inputs, threads: threads) == expected,
                "file \(index), \(set), \(memory), \(images) images, \(threads) threads")
            }
          }
        }
      }
    }
  }

  /// Runs of one engine from many threads at a time do not disturb each other, though there is but
  /// one pool of helpers.
  @Test func runsAtOneTimeStayApart() throws {
    let engine = try IntegerEngine(bytes: try FormatFuzz.seeds(3)[2])
    let inputs = (0..<8).map { seed in
      var generator = SeededGenerator(seed: UInt64(seed))
      return (0..<engine.inputCount).map { _ in Int8(generator.integer(in: -8...7)) }
    }
    let expected = try inputs.map { try engine.outputs($0, threads: 1) }
    let wrong = Parallel.map(400, threads: 4) { index in
      let own = try? engine.outputs(inputs[index % 8], threads: 1 + index % 3)
      return own == expected[index % 8] ? 0 : 1
    }
    #expect(wrong.reduce(0, +) == 0)
  }

  @Test func namesAndTheEnvironment() throws {
    for set in InstructionSet.available {
      #expect(try InstructionSet(named: set.rawValue) == set)
      #expect(try InstructionSet.standard(environment: ["CUPEL_ISA": set.rawValue]) == set)
    }
    #expect(try InstructionSet.standard(environment: [:]) == InstructionSet.available.last)
    #expect(
      try InstructionSet.standard(environment: ["CUPEL_ISA": ""]) == InstructionSet.available.last)
    #expect(InstructionSet.available.contains(.reference))
    let missing = InstructionSet.allCases.filter { !$0.isAvailable }.map(\.rawValue)
    for name in ["mmx", "AVX2", "avx2 "] + missing {
      let error = #expect(throws: EngineError.self) { try InstructionSet(named: name) }
      #expect(error == .instructionSet(name))
      #expect(error?.description.contains("'\(name)'") == true)
      #expect(error?.description.contains("reference") == true)
      #expect(throws: EngineError.self) {
        try InstructionSet.standard(environment: ["CUPEL_ISA": name])
      }
    }
  }

  /// A machine without an instruction set gets an error, not an illegal instruction.
  @Test func anInstructionSetThatIsMissingIsRefused() throws {
    guard let missing = InstructionSet.allCases.first(where: { !$0.isAvailable }) else { return }
    let file = try FormatFuzz.seeds(1)[0]
    #expect(throws: EngineError.instructionSet(missing.rawValue)) {
      try IntegerEngine(bytes: file, instructionSet: missing)
    }
  }
}
