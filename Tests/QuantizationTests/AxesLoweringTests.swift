import CupelFloatGraph
import CupelIntegerRuntime
import CupelModelFormat
import CupelModelWriter
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

/// Networks whose values have any axes: what only moves elements is exact, and a transformer's block
/// and a squeeze-excite block agree with their simulation.
@Suite("Axes in programs")
struct AxesLoweringTests {
  /// What a program gives on an image, in the order of its tensor, dequantized.
  private func run(_ rounded: RoundedPlan, _ image: Tensor) throws -> [Float] {
    let plan = rounded.plan
    let program = try Lowering.program(rounded)
    let grid = plan.grids[plan.graph.input]
    let shape = plan.graph.values[plan.graph.input].shape
    let integers = image.values.map { Int8(grid.quantize($0)) }
    let (channels, area) = shape.count == 3 ? (shape[0], shape[1] * shape[2]) : (1, integers.count)
    let input = integers.indices.map { integers[$0 % channels * area + $0 / channels] }
    return try withModelView(try CupelWriter.bytes(of: program)) { model in
      let arena = UnsafeMutableRawBufferPointer.allocate(
        byteCount: Interpreter.arenaBytes(for: model), alignment: Interpreter.arenaAlignment)
      defer { arena.deallocate() }
      let interpreter = try Interpreter(model: model, arena: arena)
      try input.withUnsafeBufferPointer { try interpreter.setInput($0) }
      for index in program.operations.indices { interpreter.execute(operation: index) }
      let output = program.tensors[program.output]
      return interpreter.tensor(program.output).map {
        output.scale * Float(Int($0) - output.zeroPoint)
      }
    }
  }

  private func images(_ count: Int, _ shape: [Int]) -> Tensor {
    var generator = SeededGenerator(seed: 8)
    return generator.images(count, shape)
  }

  /// Of each unit on the plan's grids, in float.
  private func simulated(_ rounded: RoundedPlan, _ image: Tensor) throws -> [Float] {
    let evaluator = UnitEvaluator(rounded.plan.fused, threads: 1)
    return try evaluator.walk(rounded.plan.onInputGrid(image)) { index, inputs in
      try rounded.simulate(index, inputs: inputs, with: evaluator)
    }.values
  }

  private struct Move: Sendable {
    let operation: FloatGraph.Operation
    let shape: [Int]
  }

  /// Each a way from [2, 3, 4] to features.
  private static let moves: [[Move]] = [
    [Move(operation: .reshape, shape: [4, 3, 2])],
    [Move(operation: .reshape, shape: [24]), Move(operation: .reshape, shape: [3, 2, 4])],
    [Move(operation: .transpose([1, 2, 0]), shape: [3, 4, 2])],
    [
      Move(operation: .reshape, shape: [2, 12]), Move(operation: .transpose([1, 0]), shape: [12, 2]),
      Move(operation: .reshape, shape: [4, 6]), Move(operation: .transpose([1, 0]), shape: [6, 4]),
    ],
    [
      Move(operation: .reshape, shape: [2, 3, 2, 2]),
      Move(operation: .transpose([3, 1, 0, 2]), shape: [2, 3, 2, 2]),
      Move(
        operation: .slice(.init(start: [0, 1, 0, 0], step: [1, 1, 1, 1])), shape: [2, 2, 2, 2]),
    ],
    [
      Move(operation: .transpose([2, 0, 1]), shape: [4, 2, 3]),
      Move(operation: .gather([[3, 0, 0], nil, nil]), shape: [3, 2, 3]),
    ],
    [Move(operation: .reduce(.maximum, axes: [0]), shape: [1, 3, 4])],
    [
      Move(operation: .reshape, shape: [6, 4]),
      Move(operation: .pad(.init(before: [1, 0], after: [0, 2], value: 0)), shape: [7, 6]),
    ],
  ]

  @Test("moving elements about changes none of them", arguments: moves.indices)
  func movingIsExact(_ index: Int) throws {
    var builder = GraphBuilder([2, 3, 4])
    var value = 0
    for move in Self.moves[index] { value = builder.add(move.operation, [value], move.shape) }
    value = builder.add(.reshape, [value], [builder.shape(value).reduce(1, *)])
    let graph = try builder.graph(output: value)
    let images = images(4, [2, 3, 4])
    let rounded = try QuantizationPlan(graph, images).nearest()
    for image in 0..<4 {
      let image = images.slice(image..<image + 1)
      #expect(try run(rounded, image) == simulated(rounded, image))
    }
  }

  /// Convolution, tokens, normalization, attention of two heads, GELU, mean over tokens, classes.
  private func transformer() throws -> FloatGraph {
    var builder = GraphBuilder([3, 4, 4])
    var generator = SeededGenerator(seed: 9)
    var value = builder.convolution(
      0, weights: generator.floats(8 * 3 * 4), outputs: 8, window: .square(2, stride: 2))
    value = builder.add(.reshape, [value], [8, 4])
    value = builder.add(.transpose([1, 0]), [value], [4, 8])
    let position = builder.add(
      .constant(.init(values: generator.floats(32), shape: [4, 8])), [0], [4, 8])
    let tokens = builder.add(.add, [value, position], [4, 8])
    value = builder.add(
      .layerNormalization(
        .init(gamma: generator.floats(8, 0.5, 1.5), beta: generator.floats(8), epsilon: 1e-5)),
      [tokens], [4, 8])
    func linear(_ source: Int, _ features: Int, _ outputs: Int) -> Int {
      builder.add(
        .linear(
          .init(
            weights: generator.floats(features * outputs).map { $0 / 2 },
            bias: generator.floats(outputs), outputFeatures: outputs)),
        [source], builder.shape(source).dropLast() + [outputs])
    }
    let joined = builder.add(.reshape, [linear(value, 8, 24)], [4, 3, 2, 4])
    let moved = builder.add(.transpose([1, 2, 0, 3]), [joined], [3, 2, 4, 4])
    let parts = (0..<3).map { part in
      let slice = builder.add(
        .slice(.init(start: [part, 0, 0, 0], step: [1, 1, 1, 1])), [moved], [1, 2, 4, 4])
      return builder.add(.reshape, [slice], [2, 4, 4])
    }
    let keys = builder.add(.transpose([0, 2, 1]), [parts[1]], [2, 4, 4])
    var scores = builder.add(.matMul, [parts[0], keys], [2, 4, 4])
    scores = builder.add(.affine(factor: 0.5, offset: 0), [scores], [2, 4, 4])
    scores = builder.add(.softmax(axis: 2), [scores], [2, 4, 4])
    value = builder.add(.matMul, [scores, parts[2]], [2, 4, 4])
    value = builder.add(.transpose([1, 0, 2]), [value], [4, 2, 4])
    value = builder.add(.reshape, [value], [4, 8])
    value = builder.add(.add, [tokens, linear(value, 8, 8)], [4, 8])
    value = builder.add(.gelu(isApproximate: false), [value], [4, 8])
    value = builder.add(.reduce(.mean, axes: [0]), [value], [8])
    let classes = linear(value, 8, 5)
    return try builder.graph(output: classes)
  }

  /// Channels times a factor that comes from their means.
  private func squeezeExcite() throws -> FloatGraph {
    var builder = GraphBuilder([3, 5, 5])
    var generator = SeededGenerator(seed: 10)
    let image = builder.convolution(
      0, weights: generator.floats(6 * 27), outputs: 6, window: .square(3, pad: 1))
    var gate = builder.add(.globalAveragePool, [image], [6, 1, 1])
    gate = builder.convolution(
      gate, weights: generator.floats(36), outputs: 6, window: .square(1))
    gate = builder.add(.hardSigmoid(slope: 0.2, offset: 0.5), [gate], [6, 1, 1])
    let value = builder.add(.multiply, [image, gate], [6, 5, 5])
    let classes = builder.linear(
      builder.flatten(value), weights: generator.floats(450), outputs: 3)
    return try builder.graph(output: classes)
  }

  @Test("blocks of today's networks agree with their simulation")
  func blocks() throws {
    for graph in [try transformer(), try squeezeExcite()] {
      let images = images(16, graph.values[graph.input].shape)
      let rounded = try QuantizationPlan(graph, images).nearest()
      let step = rounded.plan.grids[graph.output].scale
      var float: [Float] = []
      for image in 0..<8 {
        let image = images.slice(image..<image + 1)
        let (found, expected) = (try run(rounded, image), try simulated(rounded, image))
        try #require(found.count == expected.count)
        for (one, other) in zip(found, expected) { #expect(abs(one - other) <= 4.5 * step) }
        float += try FloatExecutor(graph: graph, threads: 1).run(image).values
        // 8 bits lose little: a twelfth of the range at most.
        for (one, other) in zip(found, float.suffix(found.count)) {
          #expect(abs(one - other) <= 20 * step)
        }
      }
      #expect(Set(float).count == float.count)
    }
  }
}
