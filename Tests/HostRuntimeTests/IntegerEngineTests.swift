import CupelFixedPoint
import CupelHostRuntime
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import TestSupport
import Testing

@Suite struct IntegerEngineTests {
  /// Random programs that between them have every operation, at 8 and at 4 bits.
  private func files() throws -> [[UInt8]] { try FormatFuzz.seeds(20) }

  /// Images on the engine's own input grid.
  private func images(_ count: Int, for engine: IntegerEngine, seed: UInt64) -> [Int8] {
    var generator = SeededGenerator(seed: seed)
    let half = 1 << (engine.inputBits - 1)
    return (0..<count * engine.inputCount).map { _ in
      Int8(generator.integer(in: -half...half - 1))
    }
  }

  /// The interpreter alone, in an arena of its own, image after image.
  private func interpreted(
    _ file: [UInt8], _ inputs: [Int8], profile: DeploymentProfile?
  ) throws -> [Int8] {
    try withModelView(file) { model in
      let arena = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
      defer { arena.deallocate() }
      let interpreter = try Interpreter(model: model, arena: arena, profile: profile)
      let size = model.inputBytes
      var output = [Int8](repeating: 0, count: model.outputBytes)
      var all: [Int8] = []
      for start in stride(from: 0, to: inputs.count, by: size) {
        try inputs[start..<start + size].withUnsafeBufferPointer { input in
          try output.withUnsafeMutableBufferPointer {
            try interpreter.run(input: input, output: $0)
          }
        }
        all += output
      }
      return all
    }
  }

  @Test(arguments: [nil] + DeploymentProfile.allCases)
  func outputsAreTheInterpreters(profile: DeploymentProfile?) throws {
    for (index, file) in try files().enumerated() {
      let engine = try IntegerEngine(bytes: file, profile: profile)
      // Several pieces, the last one not full.
      let inputs = images(37, for: engine, seed: UInt64(index))
      let expected = try interpreted(file, inputs, profile: profile)
      for threads in [1, 2, 3, 7] {
        #expect(try engine.outputs(inputs, threads: threads) == expected, "file \(index)")
      }
    }
  }

  /// The profile reaches the kernels: some program rounds differently under XNNPACK.
  @Test func profilesDiffer() throws {
    let differing = try files().enumerated().count { index, file in
      let engines = try [DeploymentProfile.tflm, .xnnpack].map {
        try IntegerEngine(bytes: file, profile: $0)
      }
      let inputs = images(200, for: engines[0], seed: UInt64(index))
      return try engines[0].outputs(inputs, threads: 2) != engines[1].outputs(inputs, threads: 2)
    }
    #expect(differing > 0)
  }

  @Test func propertiesAreTheFiles() throws {
    var program = IntegerProgram()
    program.tensors = [
      IntegerTensor(
        name: "in", height: 2, width: 3, channels: 4, bits: 8, zeroPoint: -3, scale: 0.125),
      IntegerTensor(
        name: "out", height: 2, width: 3, channels: 4, bits: 8, zeroPoint: -3, scale: 0.125),
    ]
    program.operations = [
      IntegerOperation(name: "clamp", kind: .clamp(.init(low: -2, high: 5)), inputs: [0], output: 1)
    ]
    program.output = 1
    program.metadata = ["b": "", "a.longer": "größer\n", "a": "1"]
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: program))
    #expect(engine.inputShape.extents == [4, 2, 3])
    #expect(engine.inputScale == 0.125)
    #expect(engine.inputZeroPoint == -3)
    #expect(engine.inputBits == 8)
    #expect(engine.outputCount == 24)
    #expect(engine.arenaBytes >= 24)
    #expect(engine.metadata("a") == "1")
    #expect(engine.metadata("a.longer") == "größer\n")
    #expect(engine.metadata("b") == "")
    #expect(engine.metadata("") == nil)
    #expect(engine.metadata("A") == nil)
    #expect(engine.metadata("a.") == nil)
    #expect(engine.withModel { $0.operationCount } == 1)
  }

  // MARK: - Classes

  /// A model whose output is its input: the answer is the input's largest value.
  private func passing(_ classes: Int) throws -> IntegerEngine {
    var program = IntegerProgram()
    program.tensors = (0..<2).map {
      IntegerTensor(
        name: "t\($0)", height: 1, width: 1, channels: classes, bits: 8, zeroPoint: 0, scale: 1)
    }
    program.operations = [
      IntegerOperation(
        name: "clamp", kind: .clamp(.init(low: -128, high: 127)), inputs: [0], output: 1)
    ]
    program.output = 1
    return try IntegerEngine(bytes: CupelWriter.bytes(of: program))
  }

  @Test func theLowestOfEqualsIsTheAnswer() throws {
    let engine = try passing(3)
    let logits: [Int8] = [
      1, 2, 3, 3, 2, 1, 5, 5, 4, 4, 5, 5, 0, 0, 0, -128, -128, -127, -5, -4, -4, 127, -128, 127,
    ]
    #expect(try engine.classes(logits, threads: 2) == [2, 0, 0, 1, 0, 2, 1, 0])
    #expect(try engine.outputs(logits, threads: 1) == logits)
    #expect(try engine.classes([], threads: 2) == [])
    #expect(try passing(1).classes([3, -3], threads: 1) == [0, 0])
  }

  // MARK: - Errors

  @Test func inputsMustBeWholeImages() throws {
    let engine = try passing(3)
    for count in [1, 2, 4, 100] {
      let error = #expect(throws: EngineError.self) {
        try engine.outputs([Int8](repeating: 0, count: count), threads: 1)
      }
      #expect(error == .input(count: count, stride: 3))
      #expect(error?.description == "\(count) values are not a whole number of images of 3")
      #expect(throws: EngineError.self) {
        try engine.classes([Int8](repeating: 0, count: count), threads: 1)
      }
    }
  }

  @Test("memory for outputs that is too short or too long is refused and not written to")
  func outputsMustFit() throws {
    let engine = try passing(3)
    let inputs: [Int8] = [1, 2, 3, 4, 5, 6]
    for count in [0, 1, 3, 5, 7, 9] {
      var outputs = [Int8](repeating: 99, count: count)
      let error = #expect(throws: EngineError.self) {
        try inputs.withUnsafeBufferPointer { source in
          try outputs.withUnsafeMutableBufferPointer {
            try engine.run(source, into: $0, threads: 2)
          }
        }
      }
      #expect(error == .output(count: count, needed: 6))
      #expect(outputs.allSatisfy { $0 == 99 })
    }
    var outputs = [Int8](repeating: 0, count: 3)
    let error = #expect(throws: EngineError.self) {
      try inputs[..<5].withUnsafeBufferPointer { source in
        try outputs.withUnsafeMutableBufferPointer { try engine.run(source, into: $0, threads: 2) }
      }
    }
    #expect(error == .input(count: 5, stride: 3))
    outputs = []
    try inputs[..<0].withUnsafeBufferPointer { source in
      try outputs.withUnsafeMutableBufferPointer { try engine.run(source, into: $0, threads: 2) }
    }
  }

  @Test("any number of threads gives the same", arguments: [Int.min, -1, 0, 1, 300, Int.max])
  func threadCounts(threads: Int) throws {
    let engine = try IntegerEngine(bytes: try files()[0])
    for count in [0, 1, 5, 700] {
      let inputs = images(count, for: engine, seed: 4)
      #expect(
        try engine.outputs(inputs, threads: threads) == engine.outputs(inputs, threads: 1))
    }
  }

  @Test func bytesThatAreNoModelAreRefused() throws {
    let file = try files()[0]
    var flipped = file
    flipped[file.count / 2] ^= 1
    for bytes in [[], [1], Array(file.dropLast()), file + [0], flipped] {
      let error = #expect(throws: EngineError.self) { try IntegerEngine(bytes: bytes) }
      guard case .format(let reason) = error else {
        Issue.record("\(String(describing: error))")
        continue
      }
      #expect(error?.description == "\(reason)")
    }
  }

  /// A small valid file can ask for any amount of memory.
  @Test func aHugeArenaIsRefused() throws {
    var program = IntegerProgram()
    let (height, width) = (40_000, 30_000)
    program.tensors = [
      IntegerTensor(name: "in", height: 1, width: 1, channels: 1, bits: 8, zeroPoint: 0, scale: 1),
      IntegerTensor(
        name: "out", height: height, width: width, channels: 1, bits: 8, zeroPoint: 0, scale: 1),
    ]
    program.operations = [
      IntegerOperation(
        name: "pad", kind: .pad(.init(Axes(0, 0, 0), value: 0)), inputs: [0], output: 1
      )
    ]
    program.output = 1
    let bytes = try CupelWriter.bytes(of: program)
    #expect(bytes.count < 4096)
    let error = #expect(throws: EngineError.self) { try IntegerEngine(bytes: bytes) }
    guard case .arena(let needed, let limit) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(needed > height * width)
    #expect(limit == IntegerEngine.mostArenaBytes)
    #expect(
      error?.description
        == "the model needs an arena of \(needed) bytes; at most \(limit) are given")
  }

  @Test func refusesWorkWithoutEnd() throws {
    // 13 million windows of 8 million taps: years, from a few hundred bytes.
    var program = IntegerProgram()
    let side = 3600
    program.tensors = [
      IntegerTensor(
        name: "in", height: side, width: side, channels: 1, bits: 8, zeroPoint: 0, scale: 1),
      IntegerTensor(
        name: "out", height: side, width: side, channels: 1, bits: 8, zeroPoint: 0, scale: 1),
    ]
    program.operations = [
      IntegerOperation(
        name: "pool",
        kind: .maxPool(
          .init(
            .init(kernelHeight: 2801, kernelWidth: 2801, padTop: 1400, padLeft: 1400))),
        inputs: [0], output: 1)
    ]
    program.output = 1
    let bytes = try CupelWriter.bytes(of: program)
    #expect(throws: EngineError.work(limit: IntegerEngine.mostVisits)) {
      try IntegerEngine(bytes: bytes)
    }
  }
}
