import CupelDeviceSimulation
import CupelFixedPoint
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelSupport
import Foundation
import TestSupport
import Testing

/// The kernels that run from the model's own bytes, on simulated boards, against the reference
/// kernels here.
@Suite(.needsBoards)
struct DeviceKernelTests {
  @Test(arguments: Boards.tested)
  func randomPrograms(_ board: Board) throws {
    var generator = SeededGenerator(seed: 15)
    var batch = DeviceBatch()
    for seed in 0..<400 {
      try batch.add(
        RandomProgram.make(seed: 5000 + UInt64(seed)), using: &generator, "seed \(seed)")
    }
    try batch.check(on: board)
  }

  @Test(arguments: Boards.tested)
  func arithmeticsOfSingleRuntimes(_ board: Board) throws {
    var generator = SeededGenerator(seed: 20)
    var batch = DeviceBatch()
    for seed in 0..<150 {
      try batch.add(
        RandomProgram.ofRuntimeModes(seed: UInt64(seed)), using: &generator, "seed \(seed)")
    }
    try batch.check(on: board)
  }

  @Test(arguments: Boards.tested)
  func smallWindows(_ board: Board) throws {
    var generator = SeededGenerator(seed: 16)
    var batch = DeviceBatch()
    for kernel in 1...3 {
      for stride in 1...3 {
        for dilation in 1...2 {
          for input in 1...4 {
            for before in 0..<(kernel - 1) * dilation + 1 {
              let shape = SingleLayer.Axis(
                input: input, kernel: kernel, stride: stride, dilation: dilation, before: before)
              guard shape.output >= 1 else { continue }
              for layer in SingleLayer.small(axis: shape, using: &generator) {
                try batch.add(layer.program, using: &generator, "\(layer)")
              }
            }
          }
        }
      }
    }
    try batch.check(on: board)
  }

  /// Rows of every length about the kernels' steps, staged from the input or gathered first.
  @Test(arguments: Boards.tested)
  func largerLayers(_ board: Board) throws {
    var generator = SeededGenerator(seed: 17)
    var batch = DeviceBatch()
    for layer in SingleLayer.larger(count: 200, using: &generator) {
      try batch.add(layer.program, using: &generator, "\(layer)")
    }
    for depth in [8, 16, 24, 32, 64] {
      for (groups, bits) in [(1, 8), (1, 4), (2, 8), (2, 4)] {
        let axis = SingleLayer.Axis(input: 5, kernel: 3, stride: 1, dilation: 1, before: 1)
        let layer = SingleLayer(
          .convolution, rows: axis, columns: axis, groups: groups, depth: depth, channels: 6,
          bits: bits, using: &generator)
        try batch.add(layer.program, using: &generator, "\(layer)")
      }
    }
    try batch.check(on: board)
  }

  /// Sums of 4-bit weights are taken over after 65,536 products.
  @Test(arguments: Boards.tested)
  func longRows(_ board: Board) throws {
    var generator = SeededGenerator(seed: 18)
    var batch = DeviceBatch()
    let one = SingleLayer.Axis(input: 1, kernel: 1, stride: 1, dilation: 1, before: 0)
    for (depth, bits) in [(65_535, 4), (65_536, 4), (65_537, 4), (140_001, 4), (70_000, 8)] {
      let layer = SingleLayer(
        .fullyConnected, rows: one, columns: one, depth: depth, channels: 3, bits: bits,
        using: &generator)
      try batch.add(layer.program, using: &generator, "\(layer)")
    }
    try batch.check(on: board)
  }

  /// Accumulators, multipliers and shifts at their ends, and ties of every mode.
  @Test(arguments: Boards.tested)
  func extremeScales(_ board: Board) throws {
    var generator = SeededGenerator(seed: 19)
    var batch = DeviceBatch()
    for round in 0..<120 {
      try batch.add(
        ExtremeScales.program(round: round, using: &generator), using: &generator,
        "scales \(round)")
      try batch.add(
        ExtremeScales.elementwise(round: round, using: &generator), using: &generator,
        "elementwise \(round)")
    }
    try batch.add(ExtremeScales.float32Ties(), using: &generator, "ties")
    try batch.check(on: board)
  }
}

/// Programs to run on a board in one start, and what the reference kernels make of them.
struct DeviceBatch {
  private var orders = Orders()
  private var expected: [(outputs: [Int8], note: String)] = []

  /// Two images, the second of extremes alone, under the file's rounding or a profile's.
  mutating func add(
    _ program: IntegerProgram, using generator: inout SeededGenerator, _ note: String
  ) throws {
    let file = try CupelWriter.bytes(of: program)
    let count = program.tensors[program.input].elementCount
    let images = (0..<2).map { image in
      (0..<count).map { _ in
        image == 1
          ? (Bool.random(using: &generator) ? Int8(-128) : 127)
          : Int8.random(in: -128...127, using: &generator)
      }
    }
    let profiles: [DeploymentProfile?] = [nil] + DeploymentProfile.allCases
    let profile = profiles.randomElement(using: &generator)!
    orders.program(file)
    orders.run(images[0] + images[1], size: count, profile: profile)
    expected.append((try Self.reference(file, images: images, profile: profile), note))
  }

  private static func reference(
    _ file: [UInt8], images: [[Int8]], profile: DeploymentProfile?
  ) throws -> [Int8] {
    try withModelView(file) { model in
      let arena = GuardedMemory(Interpreter.arenaBytes(for: model))
      let interpreter = try Interpreter(model: model, arena: arena.bytes, profile: profile)
      return try images.flatMap { image in
        var output = [Int8](repeating: 0, count: model.tensor(model.output).elementCount)
        try image.withUnsafeBufferPointer { source in
          try output.withUnsafeMutableBufferPointer { target in
            try interpreter.run(input: source, output: target)
          }
        }
        return output
      }
    }
  }

  func check(on board: Board) throws {
    let result = try Simulator(board).run(orders)
    let answers = result.answers.answers
    try #require(answers.count == 2 * expected.count)
    for (index, (outputs, note)) in expected.enumerated() {
      guard case .judgement(nil, _, _) = answers[2 * index] else {
        Issue.record("\(note): \(answers[2 * index])")
        continue
      }
      #expect(answers[2 * index + 1] == .outputs(outputs, images: 2), "\(note)")
    }
    #expect(result.answers.stackHighWater <= 4096)
  }
}
