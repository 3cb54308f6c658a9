import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import TestSupport
import Testing

/// Every instruction set that the machine has, against the reference kernels, bit for bit.
@Suite struct KernelLevelTests {
  /// All levels under the file's own rounding and all profiles, in several splits.
  private var runs: [LevelRun] {
    LevelRun.levels.flatMap { level in
      [
        LevelRun(level: level, profile: nil),
        LevelRun(level: level, profile: .tflm, tuning: .small, images: 2, parts: 2),
        LevelRun(level: level, profile: .litertReference, images: 1, parts: 3),
        LevelRun(level: level, profile: .xnnpack, images: 3, parts: 2),
      ]
    }
  }

  private func images(
    _ count: Int, of program: IntegerProgram, using generator: inout SeededGenerator
  ) -> [[Int8]] {
    let tensor = program.tensors[program.input]
    return (0..<count).map { image in
      (0..<tensor.elementCount).map { _ in
        // The second image has nothing but extremes.
        image == 1
          ? (Bool.random(using: &generator) ? -128 : 127)
          : Int8.random(in: -128...127, using: &generator)
      }
    }
  }

  private func check(
    _ program: IntegerProgram, runs: [LevelRun], using generator: inout SeededGenerator,
    _ note: String = ""
  ) throws {
    let file = try CupelWriter.bytes(of: program)
    let inputs = images(3, of: program, using: &generator)
    let difference = try firstDifference(file, inputs: inputs, runs: runs)
    #expect(difference == nil, "\(note) \(difference ?? "")")
  }

  /// The widest level of this kind of processor: where it is missing, the list of skipped tests says
  /// what the others here could not cover.
  @Test(
    .enabled(if: widest.isAvailable, "this processor has no \(widest): its kernels are not run"))
  func widestLevelRuns() throws {
    var generator = SeededGenerator(seed: 4)
    for seed in 300..<320 {
      try check(
        RandomProgram.make(seed: UInt64(seed)), runs: [LevelRun(level: Self.widest)],
        using: &generator, "seed \(seed)")
    }
  }

  #if arch(arm64)
    private static let widest = KernelLevel.neonDot
  #else
    private static let widest = KernelLevel.avx512VNNI
  #endif

  @Test func randomPrograms() throws {
    var generator = SeededGenerator(seed: 5)
    for seed in 0..<300 {
      try check(
        RandomProgram.make(seed: UInt64(seed)), runs: runs, using: &generator, "seed \(seed)")
    }
    for seed in 0..<100 {
      try check(
        RandomProgram.ofRuntimeModes(seed: UInt64(seed)), runs: runs, using: &generator,
        "runtime modes \(seed)")
    }
  }

  /// Every small window there is, on both axes alike, over odd and even channel counts.
  @Test func smallWindows() throws {
    var generator = SeededGenerator(seed: 6)
    let runs = runs
    for kernel in 1...3 {
      for stride in 1...3 {
        for dilation in 1...2 {
          for input in 1...5 {
            for before in 0..<(kernel - 1) * dilation + 1 {
              let shape = SingleLayer.Axis(
                input: input, kernel: kernel, stride: stride, dilation: dilation, before: before)
              guard shape.output >= 1 else { continue }
              for layer in SingleLayer.small(axis: shape, using: &generator) {
                try check(
                  layer.program, runs: [runs.randomElement(using: &generator)!],
                  using: &generator, "\(layer)")
              }
            }
          }
        }
      }
    }
  }

  /// Channel counts about the kernels' blocks, and images about their tiles.
  @Test func largerLayers() throws {
    var generator = SeededGenerator(seed: 7)
    for layer in SingleLayer.larger(count: 150, using: &generator) {
      try check(layer.program, runs: runs, using: &generator, "\(layer)")
    }
  }

  /// Accumulators, multipliers and shifts at their ends, and ties of every mode.
  @Test func extremeScales() throws {
    var generator = SeededGenerator(seed: 8)
    for round in 0..<120 {
      let program = ExtremeScales.program(round: round, using: &generator)
      try check(program, runs: runs, using: &generator, "round \(round)")
    }
  }

  @Test func float32Ties() throws {
    let program = ExtremeScales.float32Ties()
    // The recipe still finds ties, and the reference has them differ from a plain product.
    #expect(program.tensors[1].channels > 100)
    var generator = SeededGenerator(seed: 10)
    try check(program, runs: runs, using: &generator)
  }

  @Test func extremeAdditionsAndRescales() throws {
    var generator = SeededGenerator(seed: 9)
    for round in 0..<200 {
      try check(
        ExtremeScales.elementwise(round: round, using: &generator), runs: runs, using: &generator,
        "round \(round)")
    }
  }

  @Test("a step that is none, too many images and another model's weights are refused")
  func wrongSteps() throws {
    let one = try CupelWriter.bytes(of: RandomProgram.make(seed: 1, steps: [.convolution]))
    let two = try CupelWriter.bytes(
      of: RandomProgram.make(seed: 1, steps: [.convolution, .convolution, .convolution]))
    try withModelView(one) { model in
      let bytes = BatchInterpreter.bytes(for: model, packed: nil, images: 2, parts: 1)
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
      defer { memory.deallocate() }
      memory.initializeMemory(as: UInt8.self, repeating: 0)
      let interpreter = try BatchInterpreter(
        model: model, packed: nil, images: 2, parts: 1, memory: memory)
      #expect(try interpreter.step(operation: 0, images: 2) == 1)
      for (operation, images) in [(-1, 1), (.max, 1), (model.operationCount, 1), (0, 0), (0, 3)] {
        #expect(throws: RuntimeError.outOfRange) {
          try interpreter.step(operation: operation, images: images)
        }
      }
      for (images, parts) in [(0, 1), (1, 0), (-1, 1), (.max, 1), (1, .min)] {
        #expect(throws: RuntimeError.self) {
          try BatchInterpreter(
            model: model, packed: nil, images: images, parts: parts, memory: memory)
        }
      }
      try withModelView(two) { other in
        let needed = PackedModel.bytes(for: other, level: .scalar, profile: nil)
        let weights = UnsafeMutableRawBufferPointer.allocate(byteCount: needed, alignment: 64)
        defer { weights.deallocate() }
        let packed = try PackedModel(other, level: .scalar, profile: nil, memory: weights)
        #expect(other.operationCount != model.operationCount)
        #expect(throws: RuntimeError.otherModel) {
          try BatchInterpreter(model: model, packed: packed, images: 1, parts: 1, memory: memory)
        }
      }
    }
  }

  @Test func memoryThatIsTooSmallOrAskew() throws {
    let file = try CupelWriter.bytes(of: RandomProgram.make(seed: 1, steps: [.convolution]))
    try withModelView(file) { model in
      let needed = PackedModel.bytes(for: model, level: .scalar, profile: nil)
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: needed + 64, alignment: 64)
      defer { memory.deallocate() }
      func packed(_ range: Range<Int>) throws(RuntimeError) -> PackedModel {
        try PackedModel(
          model, level: .scalar, profile: nil,
          memory: UnsafeMutableRawBufferPointer(rebasing: memory[range]))
      }
      #expect(throws: RuntimeError.packedSize(needed: needed)) { try packed(0..<needed - 1) }
      #expect(throws: RuntimeError.packedAlignment) { try packed(16..<needed + 16) }
      _ = try packed(0..<needed)
    }
    if let missing = KernelLevel.allCases.first(where: { !$0.isAvailable }) {
      try withModelView(file) { model in
        _ = #expect(throws: RuntimeError.levelUnavailable) {
          try PackedModel(
            model, level: missing, profile: nil,
            memory: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        }
      }
    }
  }
}
