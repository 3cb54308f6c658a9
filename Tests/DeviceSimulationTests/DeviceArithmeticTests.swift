import CupelDeviceSimulation
import CupelFixedPoint
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import TestSupport
import Testing

/// Firmware whose core was compiled without the arithmetics of single runtimes: it refuses what
/// needs them, and everything else is as ever.
@Suite(.needsDeviceFirmware)
struct DeviceArithmeticTests {
  private func answers(_ orders: Orders) throws -> [Answer] {
    try #require(Boards.withoutRuntimeArithmetic).run(orders).answers.answers
  }

  /// The first rule that a file breaks there, for files that break none here.
  private func rules(_ programs: [IntegerProgram]) throws -> [FormatRule?] {
    var orders = Orders()
    for program in programs { orders.program(try CupelWriter.bytes(of: program)) }
    return try answers(orders).map { answer in
      guard case .judgement(let rule, _, _) = answer else { return nil }
      return rule.flatMap { FormatRule(rawValue: UInt8($0)) }
    }
  }

  @Test func filesThatNeedThemAreRefused() throws {
    let programs = (0..<100).map { RandomProgram.ofRuntimeModes(seed: $0) }
    let rules = try rules(programs)
    for (program, rule) in zip(programs, rules) {
      #expect(rule == (program.needsRuntimeArithmetic ? .rounding : nil))
    }
    #expect(programs.contains { $0.needsRuntimeArithmetic })
  }

  @Test func tablesOfXnnpackAreRefused() throws {
    for (arithmetic, rule) in [
      (TableFunction.Arithmetic.fixedPoint, nil), (.xnnpack, FormatRule.table),
    ] {
      var builder = ProgramBuilder(profile: .tflm)
      let tensor = IntegerTensor(
        name: "t", height: 1, width: 1, channels: 4, bits: 8, zeroPoint: 3, scale: 0.25)
      let input = builder.addInput(tensor)
      let function = TableFunction(.leakyRelu, arithmetic, slopeBits: Float(0.125).bitPattern)
      let lookup = try #require(
        IntegerOperation.Lookup(function, from: tensor.grid, to: tensor.grid, real: { $0 }))
      let output = builder.append("leaky", .lookup(lookup), [input], giving: tensor)
      #expect(try rules([builder.finished(output: output, metadata: [:])]) == [rule])
    }
  }

  @Test func everythingElseRuns() throws {
    var orders = Orders()
    var expected: [[Int8]] = []
    let profiles: [DeploymentProfile?] = [nil, .tflm, .litertReference]
    for seed in 0..<90 {
      let program = RandomProgram.make(seed: UInt64(7000 + seed))
      // This image is without the operators that version 1.4 added.
      if program.operations.contains(where: { $0.kind.isNewer }) { continue }
      let image = (0..<program.tensors[program.input].elementCount).map {
        Int8(truncatingIfNeeded: $0 * 37 + seed)
      }
      let profile = profiles[seed % profiles.count]
      let file = try CupelWriter.bytes(of: program)
      orders.program(file)
      orders.run(image, size: image.count, profile: profile)
      expected.append(try outputs(file, image, profile))
    }
    #expect(expected.count > 30)
    let answers = try answers(orders)
    try #require(answers.count == 2 * expected.count)
    for (index, outputs) in expected.enumerated() {
      #expect(answers[2 * index + 1] == .outputs(outputs, images: 1), "\(index)")
    }
  }

  @Test(arguments: [DeploymentProfile.xnnpack, .onnxruntime])
  func profilesThatNeedThemAreRefused(_ profile: DeploymentProfile) throws {
    var orders = Orders()
    orders.program(try CupelWriter.bytes(of: SeveralEnds.program))
    orders.run(SeveralEnds.image, size: SeveralEnds.image.count, profile: profile)
    #expect(try answers(orders).last == .outputs([], images: 0))
  }

  /// What the reference kernels answer here.
  private func outputs(
    _ file: [UInt8], _ image: [Int8], _ profile: DeploymentProfile?
  ) throws -> [Int8] {
    try withModelView(file) { model in
      let arena = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
      defer { arena.deallocate() }
      let interpreter = try Interpreter(model: model, arena: arena, profile: profile)
      var output = [Int8](repeating: 0, count: model.outputBytes)
      try image.withUnsafeBufferPointer { source in
        try output.withUnsafeMutableBufferPointer {
          try interpreter.run(input: source, output: $0)
        }
      }
      return output
    }
  }
}

extension IntegerProgram {
  /// Whether an operation is in one of the modes 4 to 7.
  fileprivate var needsRuntimeArithmetic: Bool {
    operations.contains { operation in
      let mode: RoundingMode? =
        switch operation.kind {
        case .add(let own): own.scales.rounding
        case .subtract(let own): own.scales.rounding
        case .multiply(let own): own.rescale.rounding
        case .requantize(let own): own.rescale.rounding
        case .mean(let own): own.rescale.rounding
        case .averagePool(let own): own.rounding
        case .resizeBilinear(let own): own.rounding
        default: nil
        }
      return mode.map { $0.rawValue > 3 } ?? false
    }
  }
}

extension IntegerOperation.Kind {
  fileprivate var isNewer: Bool {
    switch self {
    case .batchMatMul, .gather, .resizeBilinear, .layerNormalization: true
    default: false
    }
  }
}
