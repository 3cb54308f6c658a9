import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerOperators
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

/// The whole way: random float networks with every operation, planned, lowered, written as a
/// `.cupel` file, read and run by the interpreter.
@Suite("Engine against simulation")
struct EngineAgreementTests {
  /// How the engine's integers differ from the simulation's.
  private struct Difference {
    var elements = 0
    var different = 0
    var largest = 0
    /// Of what a runtime's fixed point tabulates, which is not counted above.
    var tabulated = 0
    var tabulatedDifferent = 0

    mutating func add(_ other: Difference) {
      elements += other.elements
      different += other.different
      largest = max(largest, other.largest)
      tabulated += other.tabulated
      tabulatedDifferent += other.tabulatedDifferent
    }
  }

  /// Runs each unit of a random network on the engine, and simulates it on what the engine made of
  /// the units before it.
  private func compare(
    seed: Int, scheme: String, profile: DeploymentProfile
  ) throws -> Difference {
    var network = RandomGraph(seed: UInt64(seed))
    return try compare(network.build(), seed: seed, scheme: scheme, profile: profile)
  }

  private func compare(
    _ graph: FloatGraph, seed: Int, scheme: String, profile: DeploymentProfile
  ) throws -> Difference {
    var generator = SeededGenerator(seed: UInt64(seed), stream: 1)
    let images = generator.images(12, graph.values[graph.input].shape)
    let plan = try QuantizationPlan(graph, images, scheme)
    let rounded = plan.nearest()
    let evaluator = UnitEvaluator(plan.fused, threads: 1)
    var difference = Difference()
    for image in 0..<4 {
      let image = images.slice(image..<image + 1)
      let engine = try EngineRun(rounded, profile: profile, image: image)
      for (index, unit) in plan.fused.units.enumerated() {
        if unit.operation == .reshape { continue }
        let inputs = try unit.inputs.map { try engine.real($0) }
        let simulated = try rounded.simulate(index, inputs: inputs, with: evaluator)
        let grid = plan.grids[unit.output]
        let found = try engine.real(unit.output)
        try #require(found.values.count == simulated.values.count)
        // XNNPACK has eight bits for a slope and for the ratio of a requantization.
        let isFixed =
          unit.base.tableFunction(under: profile)?.arithmetic == .fixedPoint
          || profile == .xnnpack && !unit.isWeighted
        for (one, other) in zip(found.values, simulated.values) {
          let distance = abs(grid.quantize(one) - grid.quantize(other))
          if isFixed {
            difference.tabulated += 1
            difference.tabulatedDifferent += distance == 0 ? 0 : 1
          } else {
            difference.elements += 1
            difference.different += distance == 0 ? 0 : 1
          }
          difference.largest = max(difference.largest, distance)
        }
      }
    }
    return difference
  }

  /// A mode that rounds once differs from real arithmetic next to ties only. Two roundings differ
  /// in a share of 2^(shift − 1), and networks as small as these have shifts from −1.
  private func check(_ difference: Difference, _ profile: DeploymentProfile) {
    #expect(difference.largest <= 1)
    let allowed = profile == .xnnpack ? 0.0002 : 0.04
    #expect(Double(difference.different) <= allowed * Double(difference.elements))
    // Integer arithmetic of 15 bits or two roundings, whatever the profile rounds by: 1.1 % measured.
    #expect(Double(difference.tabulatedDifferent) <= 0.03 * Double(difference.tabulated))
  }

  @Test(
    "every unit agrees to within one step, and nearly always exactly where rounding is once",
    arguments: [
      "w8a8", "w4a8", "w4a4", "w8a4", "w8a8.pt.pre", "w4a8.pt.pre", "w4a4.pt.pre", "w8a8.pt.ema",
      "w4a4.pre.mse.full", "w4a4.pct.edge8",
    ])
  func units(scheme: String) throws {
    for profile in DeploymentProfile.allCases {
      var total = Difference()
      for seed in 0..<16 {
        total.add(try compare(seed: seed, scheme: scheme, profile: profile))
      }
      #expect(total.elements > 50_000)
      check(total, profile)
    }
  }

  @Test("layers that enlarge agree, too", arguments: ["w8a8", "w4a4", "w8a8.pt.pre"])
  func transposed(scheme: String) throws {
    for profile in DeploymentProfile.allCases {
      var total = Difference()
      for seed in 0..<12 {
        let difference = try compare(
          enlarging(seed: seed), seed: seed, scheme: scheme, profile: profile)
        total.elements += difference.elements
        total.different += difference.different
        total.largest = max(total.largest, difference.largest)
      }
      #expect(total.elements > 20_000)
      check(total, profile)
    }
  }

  /// A convolution and two transposed ones, with BatchNormalization and activation or without.
  private func enlarging(seed: Int) throws -> FloatGraph {
    var generator = SeededGenerator(seed: UInt64(seed), stream: 78)
    var builder = GraphBuilder([4, 5, 6])
    var value = builder.convolution(0, weights: generator.floats(16), outputs: 4)
    for (groups, outputs, stride) in [(1, 6, 2), (2, 4, seed % 3 + 1)] {
      let shape = builder.shape(value)
      let window = FloatGraph.Window(
        kernelHeight: 3, kernelWidth: 2, strideHeight: stride, strideWidth: 2, padTop: 1,
        padBottom: seed % 2)
      let layer = FloatGraph.TransposeConvolution(
        weights: generator.floats(outputs * shape[0] / groups * 6, -0.4, 0.4),
        bias: generator.floats(outputs), outputChannels: outputs, window: window, groups: groups)
      value = builder.add(
        .transposeConvolution(layer), [value],
        [outputs, (shape[1] - 1) * stride + 2 - seed % 2, shape[2] * 2])
      if seed % 4 > 1 {
        value = builder.normalization(value, gamma: generator.floats(outputs, 0.5, 1.5))
        value = builder.clamp(value)
      }
    }
    value = builder.globalAveragePool(value)
    return try builder.graph(output: value)
  }

  @Test("a file written for a profile runs the same when that profile is asked for")
  func profileOfTheFile() throws {
    for seed in 0..<10 {
      var network = RandomGraph(seed: UInt64(seed))
      let graph = try network.build()
      var generator = SeededGenerator(seed: UInt64(seed), stream: 1)
      let image = generator.images(12, graph.values[graph.input].shape)
      let plan = try QuantizationPlan(graph, image, "w4a4")
      for profile in DeploymentProfile.allCases {
        func run(asked: DeploymentProfile?) throws -> [[Float]] {
          let engine = try EngineRun(
            plan.nearest(), profile: profile, asked: asked, image: image.slice(0..<1))
          return try plan.fused.units.map { try engine.real($0.output).values }
        }
        #expect(try run(asked: profile) == run(asked: nil))
      }
    }
  }

  @Test("at 8 bits the engine's logits are the float network's, but for rounding")
  func logits() throws {
    for scheme in ["w8a8", "w8a8.pt.pre", "w8a8.pre", "w8a8.pt"] {
      var errors: [Double] = []
      for seed in 0..<40 {
        var network = RandomGraph(seed: UInt64(seed))
        let graph = try network.build()
        var generator = SeededGenerator(seed: UInt64(seed), stream: 1)
        let images = generator.images(12, graph.values[graph.input].shape)
        let plan = try QuantizationPlan(graph, images, scheme)
        let expected = try FloatExecutor(graph: graph, threads: 1).run(images)
        let range = expected.values.reduce(0) { max($0, abs($1)) }
        var worst: Float = 0
        for index in 0..<4 {
          let engine = try EngineRun(
            plan.nearest(), profile: .tflm, image: images.slice(index..<index + 1))
          let found = try engine.real(plan.fused.output).values
          for (one, other) in zip(found, expected.slice(index..<index + 1).values) {
            worst = max(worst, abs(one - other))
          }
        }
        errors.append(Double(worst / range))
      }
      errors.sort()
      // Measured: 1 % for the median network and 7 % for the worst, of its largest logit.
      #expect(errors[20] < 0.02)
      #expect(errors[39] < 0.12)
    }
  }
}

/// What the engine makes of one image: every value of the plan.
private struct EngineRun {
  private let plan: QuantizationPlan
  /// Dequantized, in the float graph's order, by value.
  private var values: [Int: [Float]] = [:]

  init(
    _ rounded: RoundedPlan, profile: DeploymentProfile,
    asked: DeploymentProfile? = nil, image: Tensor
  ) throws {
    plan = rounded.plan
    let program = try Lowering.program(rounded, profile: profile)
    let grid = plan.grids[plan.graph.input]
    let shape = plan.graph.values[plan.graph.input].shape
    let input = Self.channelsLast(image.values.map { Int8(grid.quantize($0)) }, shape)
    var tensors: [String: [Float]] = [:]
    func store(_ index: Int, _ interpreter: Interpreter) {
      let tensor = program.tensors[index]
      let integers = Array(interpreter.tensor(index))
      let real = integers.map { tensor.scale * Float(Int($0) - tensor.zeroPoint) }
      tensors[tensor.name] = Self.channelsFirst(
        real, [tensor.channels, tensor.height, tensor.width])
    }
    try withModelView(try CupelWriter.bytes(of: program)) { model in
      let arena = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
      defer { arena.deallocate() }
      let interpreter = try Interpreter(model: model, arena: arena, profile: asked)
      try input.withUnsafeBufferPointer { try interpreter.setInput($0) }
      store(program.input, interpreter)
      for (index, operation) in program.operations.enumerated() {
        interpreter.execute(operation: index)
        store(operation.output, interpreter)
      }
    }
    for (index, value) in plan.graph.values.enumerated() { values[index] = tensors[value.name] }
    // A flattened value lives in the tensor it was flattened from.
    for unit in plan.fused.units {
      if unit.operation == .reshape { values[unit.output] = values[unit.inputs[0]] }
    }
  }

  func real(_ value: Int) throws -> Tensor {
    Tensor(
      batch: 1, shape: plan.graph.values[value].shape, values: try #require(values[value]))
  }

  /// [C][H][W] to [H][W][C].
  private static func channelsLast<Element>(_ values: [Element], _ shape: [Int]) -> [Element] {
    let (channels, area) = (shape[0], shape[1] * shape[2])
    return (0..<values.count).map { values[$0 % channels * area + $0 / channels] }
  }

  /// [H][W][C] to [C][H][W]; the shape is [C, H, W].
  private static func channelsFirst<Element>(_ values: [Element], _ shape: [Int]) -> [Element] {
    let (channels, area) = (shape[0], shape[1] * shape[2])
    return (0..<values.count).map { values[$0 % area * channels + $0 / area] }
  }
}
