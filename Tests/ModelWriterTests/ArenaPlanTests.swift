import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import TestSupport
import Testing

@Suite struct ArenaPlanTests {
  /// A chain of clamps over tensors of one extent.
  private func chain(_ links: [(input: [Int], output: Int)], sizes: [Int]) -> IntegerProgram {
    var program = IntegerProgram()
    program.tensors = sizes.map {
      IntegerTensor(
        name: "", height: 1, width: 1, channels: $0, bits: 8, zeroPoint: 0, scale: 1)
    }
    program.operations = links.map {
      IntegerOperation(
        name: "", kind: .concatenate(.init(axis: 2)), inputs: $0.input, output: $0.output)
    }
    program.output = links.last?.output ?? 0
    return program
  }

  /// Worked by hand: 0 → 1 → 2 → 3. Tensor 2 (64 bytes) is placed first, at 0; then 1 (40, so 48)
  /// and 3 (33, so 48), which live beside it but not beside each other, both at 64; then 0 (16),
  /// which lives beside 1 alone, at 0.
  @Test func chainByHand() throws {
    let plan = try ArenaPlan(
      chain([([0], 1), ([1], 2), ([2], 3)], sizes: [16, 40, 64, 33]))
    #expect(plan.offsets == [0, 64, 0, 64])
    #expect(plan.size == 112)
  }

  /// A shortcut round the middle: 0 stays alive while 1 and 2 are made.
  @Test func shortcutByHand() throws {
    let plan = try ArenaPlan(
      chain([([0], 1), ([1], 2), ([0, 2], 3)], sizes: [32, 32, 32, 64]))
    // 3 first, at 0. Then 0, alive with 3, at 64; 1, alive with 0 but not with 3, at 0; 2, alive
    // with all of them, behind 0.
    #expect(plan.offsets == [64, 0, 96, 0])
    #expect(plan.size == 128)
  }

  /// By size 0 and 3 go to 0, 1 behind 0 to 32, and 2, alive with 1 and 3, to 48: an arena of 64.
  /// By birth 0 goes to 0, 1 to 32, 2 to 0, and 3 behind it to 16: 48, the least there is.
  @Test func theSmallerOfTwoOrdersIsKept() throws {
    let plan = try ArenaPlan(
      chain([([0], 1), ([1], 2), ([2], 3)], sizes: [32, 16, 16, 32]))
    #expect(plan.offsets == [0, 32, 0, 16])
    #expect(plan.size == 48)
  }

  @Test func tensorsAliveTogetherNeverMeet() throws {
    for seed in UInt64(0)..<200 {
      let program = RandomProgram.make(seed: seed)
      let plan = try ArenaPlan(program)
      let live = lifetimes(program)
      #expect(plan.size % 16 == 0)
      for (one, range) in live.enumerated() {
        let bytes = plan.offsets[one]..<plan.offsets[one] + program.tensors[one].elementCount
        #expect(bytes.lowerBound % 16 == 0 && bytes.upperBound <= plan.size)
        for other in 0..<one where range.overlaps(live[other]) {
          let start = plan.offsets[other]
          #expect(!bytes.overlaps(start..<start + program.tensors[other].elementCount))
        }
      }
    }
  }

  /// From the definition: written at one time, read at others.
  private func lifetimes(_ program: IntegerProgram) -> [ClosedRange<Int>] {
    program.tensors.indices.map { tensor in
      var times = tensor == program.input ? [0] : []
      for (index, operation) in program.operations.enumerated()
      where operation.output == tensor || operation.inputs.contains(tensor) {
        times.append(index + 1)
      }
      if tensor == program.output { times.append(program.operations.count + 1) }
      return times.min()!...times.max()!
    }
  }

  /// The bound by the definition of lifetimes above, and that no plan goes below it.
  @Test func lowerBoundIsTheMostThatLives() throws {
    for seed in UInt64(0)..<100 {
      let program = RandomProgram.make(seed: seed)
      let live = lifetimes(program)
      let expected = (0...program.operations.count + 1).map { time in
        program.tensors.indices.filter { live[$0].contains(time) }
          .reduce(0) { $0 + (program.tensors[$1].elementCount + 15) / 16 * 16 }
      }.max()!
      try withModelView(CupelWriter.bytes(of: program)) { model in
        #expect(model.arenaLowerBound == Int64(expected))
        #expect(model.arenaSize >= expected)
      }
    }
  }

  @Test func tooLargeIsRefused() {
    let huge = 1 << 30
    #expect(throws: WriterError.self) {
      try ArenaPlan(chain([([0], 1), ([1], 2)], sizes: [huge, huge, huge]))
    }
    #expect(throws: WriterError.self) { try ArenaPlan(chain([], sizes: [1 << 31])) }
    #expect(throws: WriterError.self) { try ArenaPlan(chain([], sizes: [0])) }
  }
}
