import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import TestSupport
import Testing

@Suite struct InterpreterTests {
  private func randomImage(_ program: IntegerProgram, seed: UInt64) -> [Int8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<program.tensors[program.input].elementCount).map { _ in
      Int8.random(in: -128...127, using: &generator)
    }
  }

  // MARK: - Against the oracle

  /// Every tensor after the operation that makes it, on programs of every operator.
  @Test(arguments: [8, 4], 0..<60)
  func everyTensorAgreesWithTheDefinitions(weightBits: Int, seed: Int) throws {
    try checkEveryTensor(
      of: RandomProgram.ofEveryKind(seed: UInt64(seed), bits: weightBits), seed: UInt64(seed) + 1000
    )
  }

  /// The same in the arithmetics of single runtimes.
  @Test(arguments: 0..<150)
  func everyTensorAgreesInTheArithmeticsOfSingleRuntimes(seed: Int) throws {
    try checkEveryTensor(
      of: RandomProgram.ofRuntimeModes(seed: UInt64(seed)), seed: UInt64(seed) + 2000)
  }

  private func checkEveryTensor(of program: IntegerProgram, seed: UInt64) throws {
    let image = randomImage(program, seed: seed)
    var oracle = NetworkOracle(program, image: image)
    oracle.run()
    let (_, isIntact) = try withInterpreter(program) { interpreter in
      try image.withUnsafeBufferPointer { try interpreter.setInput($0) }
      for (index, operation) in program.operations.enumerated() {
        interpreter.execute(operation: index)
        let values = interpreter.tensor(operation.output).map { Int($0) }
        #expect(values == oracle.values[operation.output], "\(operation.kind)")
      }
      let output = try interpreter.output(for: image)
      #expect(output.map { Int($0) } == oracle.values[program.output])
    }
    #expect(isIntact)
  }

  /// The random programs are worth something only if they hold every operator and do not all end
  /// in the same place.
  @Test func theRandomProgramsCoverEveryOperator() throws {
    var names: Set<String> = []
    var values: Set<Int> = []
    for seed in 0..<80 {
      let program = RandomProgram.ofEveryKind(seed: UInt64(seed), bits: 8)
      for operation in program.operations {
        names.insert(String("\(operation.kind)".prefix { $0 != "(" }))
      }
      var oracle = NetworkOracle(program, image: randomImage(program, seed: UInt64(seed) + 1000))
      oracle.run()
      values.formUnion(oracle.values[program.output])
    }
    // All but softmax, which is compared with LiteRT's alone.
    #expect(names.count == 24)
    #expect(values.count > 100)
  }

  /// Each operator in each mode that it has, pools between two grids and with padding that counts,
  /// and few values at the ends of their grids, where all modes are alike.
  @Test func theProgramsOfRuntimeModesCoverThem() throws {
    var forms: Set<String> = []
    var inside = 0
    var all = 0
    for seed in 0..<150 {
      let program = RandomProgram.ofRuntimeModes(seed: UInt64(seed))
      var oracle = NetworkOracle(program, image: randomImage(program, seed: UInt64(seed) + 2000))
      oracle.run()
      for operation in program.operations {
        let output = program.tensors[operation.output]
        switch operation.kind {
        case .add(let own): forms.insert("add \(own.scales.rounding)")
        case .subtract(let own): forms.insert("subtract \(own.scales.rounding)")
        case .multiply(let own): forms.insert("multiply \(own.rescale.rounding)")
        case .requantize(let own): forms.insert("requantize \(own.rescale.rounding)")
        case .mean(let own): forms.insert("mean \(own.rescale.rounding)")
        case .averagePool(let own):
          let isOneGrid = program.tensors[operation.inputs[0]].scale == output.scale
          forms.insert("pool \(own.rounding) \(own.countsPadding) \(isOneGrid)")
        default: continue
        }
        let ends = output.bits == 8 ? [-128, 127] : [-8, 7]
        inside += oracle.values[operation.output].count { !ends.contains($0) }
        all += oracle.values[operation.output].count
      }
    }
    // 5, 3, 6, 5 and 4 modes, and pools in 3 modes, padding counted or not, on one grid or two.
    #expect(forms.count == 5 + 3 + 6 + 5 + 4 + 12, "\(forms.sorted())")
    #expect(inside * 2 > all, "\(inside) of \(all)")
  }

  @Test(arguments: DeploymentProfile.allCases)
  func aProfileReplacesEveryRoundingMode(profile: DeploymentProfile) throws {
    for seed in 0..<80 {
      let program =
        seed < 20
        ? RandomProgram.ofEveryKind(seed: UInt64(seed), bits: 8)
        : RandomProgram.ofRuntimeModes(seed: UInt64(seed))
      let image = randomImage(program, seed: UInt64(seed))
      var oracle = NetworkOracle(program, image: image)
      (oracle.isXnnpack, oracle.isOnnx) = (profile == .xnnpack, profile == .onnxruntime)
      oracle.override = { role in
        switch (profile, role) {
        case (.xnnpack, _), (.onnxruntime, _): .float32HalfEven
        case (_, .narrowing): .singleRounding
        case (.litertReference, .fullyConnected): .float64HalfAway
        case (.tflm, _), (.litertReference, _): .doubleRounding
        }
      }
      oracle.run()
      let (output, _) = try withInterpreter(program, profile: profile) {
        try $0.output(for: image)
      }
      #expect(output.map { Int($0) } == oracle.values[program.output])
    }
  }

  // MARK: - By hand

  /// Two inputs through a fully connected layer: (3, −1) · w + bias, a quarter of it, plus 5.
  private var small: IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [
      IntegerTensor(
        name: "in", height: 1, width: 1, channels: 2, bits: 8, zeroPoint: 1, scale: 0.5),
      IntegerTensor(
        name: "out", height: 1, width: 1, channels: 3, bits: 8, zeroPoint: 5, scale: 0.5),
    ]
    let scale = ChannelScale(
      weightScale: 0.25, multiplier: 1 << 30, shift: -1)
    program.operations = [
      IntegerOperation(
        name: "fc",
        kind: .fullyConnected(
          .init(
            IntegerOperation.Weighted(
              bits: 8, weights: [10, 2, -7, 1, 0, -100], bias: [0, 4, 1000],
              scales: [scale, scale, scale], rounding: .doubleRounding, low: -128, high: 127))),
        inputs: [0], output: 1)
    ]
    program.output = 1
    return program
  }

  @Test func aFullyConnectedLayerWorkedByHand() throws {
    // 30 − 2 = 28 → 7; −21 − 1 + 4 = −18 → −4.5 → −5; 100 + 1000 = 1100 → 275, clamped.
    // (−9 before rounding twice: −18 · ½ = −9, then −4.5 away from zero.)
    let (output, isIntact) = try withInterpreter(small) { try $0.output(for: [4, 0]) }
    #expect(output == [12, 0, 127])
    #expect(isIntact)
    let (even, _) = try withInterpreter(small, profile: .xnnpack) { try $0.output(for: [4, 0]) }
    #expect(even == [12, 1, 127])
  }

  @Test func aProgramWithoutOperationsCopiesItsInput() throws {
    var program = IntegerProgram()
    program.tensors = [small.tensors[0]]
    let (output, _) = try withInterpreter(program) { try $0.output(for: [-128, 127]) }
    #expect(output == [-128, 127])
  }

  @Test func whatTheArenaHeldDoesNotMatter() throws {
    let program = RandomProgram.ofEveryKind(seed: 3, bits: 4)
    let image = randomImage(program, seed: 4)
    let outputs = try [0, 0x7F, 0xFF].map { rubbish in
      try withInterpreter(program, rubbish: rubbish) { interpreter in
        [try interpreter.output(for: image), try interpreter.output(for: image)]
      }.result
    }
    #expect(Set(outputs.flatMap { $0 }).count == 1)
  }

  // MARK: - Callers' mistakes

  @Test func theArenaMustBeLargeEnoughAndAligned() throws {
    try withModelView(try CupelWriter.bytes(of: small)) { model in
      let needed = Interpreter.arenaBytes(for: model)
      // Two tensors of at most 16 bytes each, two rows of eight int16, three sums.
      #expect(needed == 32 + 32 + 12)
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: needed + 16, alignment: 16)
      defer { memory.deallocate() }
      #expect(throws: RuntimeError.arenaSize(needed: needed)) {
        try Interpreter(
          model: model, arena: UnsafeMutableRawBufferPointer(rebasing: memory[..<(needed - 1)]))
      }
      #expect(throws: RuntimeError.arenaSize(needed: needed)) {
        try Interpreter(model: model, arena: UnsafeMutableRawBufferPointer(start: nil, count: 0))
      }
      #expect(throws: RuntimeError.arenaAlignment) {
        try Interpreter(
          model: model, arena: UnsafeMutableRawBufferPointer(rebasing: memory[8..<(8 + needed)]))
      }
    }
  }

  @Test func inputAndOutputMustHaveTheModelsSizes() throws {
    let (_, _) = try withInterpreter(small) { interpreter in
      var output = [Int8](repeating: 0, count: 4)
      let image: [Int8] = [1, 2, 3]
      image.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output in
          let three = UnsafeMutableBufferPointer(rebasing: output[..<3])
          #expect(throws: RuntimeError.inputSize(needed: 2)) {
            try interpreter.run(input: input, output: three)
          }
          let two = UnsafeBufferPointer(rebasing: input[..<2])
          #expect(throws: RuntimeError.outputSize(needed: 3)) {
            try interpreter.run(input: two, output: output)
          }
          #expect(throws: RuntimeError.inputSize(needed: 2)) { try interpreter.setInput(input) }
        }
      }
    }
  }
}
