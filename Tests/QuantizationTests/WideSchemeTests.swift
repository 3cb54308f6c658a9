import CupelFixedPoint
import CupelFloatGraph
import CupelHostRuntime
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

/// Schemes of 16-bit activations: what they decide, and how near the engine comes to the simulation.
@Suite struct WideSchemeTests {
  private static let schemes = ["w8a16", "w4a16", "w8a16.pt.pre", "w4a16.edge8.mse"]

  /// Layers of both kinds, a sum, a product, functions with a kernel of 16 bits and one without.
  private func graph() throws -> FloatGraph {
    var graph = GraphBuilder([3, 8, 8])
    var weights = SeededGenerator(seed: 3)
    let first = graph.convolution(
      0, weights: weights.floats(6 * 27, -0.4, 0.4), bias: weights.floats(6), outputs: 6,
      window: .square(3, pad: 1))
    let gated = graph.gated(first)
    let leaky = graph.apply(.leakyRelu(slope: 0.125), gated)
    let swish = graph.apply(.hardSwish, leaky)
    let second = graph.convolution(
      swish, weights: weights.floats(6 * 9), bias: weights.floats(6), outputs: 6,
      window: .square(3, pad: 1), groups: 6)
    let tangent = graph.apply(.hyperbolicTangent, second)
    let relu = graph.clamp(graph.add(tangent, gated))
    let pooled = graph.globalAveragePool(graph.pool(relu, .square(2, stride: 2), average: true))
    let output = graph.linear(
      pooled, weights: weights.floats(30), bias: weights.floats(5), outputs: 5)
    return try graph.graph(output: output)
  }

  private func rounded(_ scheme: String) throws -> (RoundedPlan, images: Tensor) {
    var generator = SeededGenerator(seed: 16)
    let graph = try graph()
    let images = generator.images(24, graph.values[graph.input].shape)
    return (try QuantizationPlan(graph, images, scheme).nearest(), images)
  }

  @Test(arguments: schemes)
  func everyActivationHasSixteenBits(_ scheme: String) throws {
    let (rounded, _) = try rounded(scheme)
    for grid in rounded.plan.grids { #expect(grid.bits == 16 && grid.zeroPoint == 0) }
    let program = try Lowering.program(rounded)
    let kinds = program.operations.map { "\($0.kind.name)" }
    #expect(kinds.count { $0 == "function" } == 3)
    // The hard swish: a table of 8 bits between two requantizations.
    #expect(kinds.count { $0 == "lookup" } == 1)
    #expect(kinds.count { $0 == "requantize" } == 2)
    #expect(program.tensors.count { $0.bits == 8 } == 2)
    #expect(try CupelWriter.bytes(of: program)[8] == 2)
  }

  /// Most of the way is exact to a few steps of 1/32767; the table of 8 bits may go to either side.
  @Test(arguments: schemes, DeploymentProfile.allCases)
  func theEngineIsNearTheSimulation(_ scheme: String, _ profile: DeploymentProfile) throws {
    let (rounded, images) = try rounded(scheme)
    let expected = try FakeQuantizedNetwork(rounded, threads: 1).logits(images)
    let bytes = try CupelWriter.bytes(of: Lowering.program(rounded, profile: profile))
    let engine = try IntegerEngine(bytes: bytes)
    let grid = rounded.plan.grids[rounded.plan.graph.input]
    // Channels last.
    let inputs = (0..<images.batch).flatMap { image in
      (0..<64).flatMap { pixel in
        (0..<3).map { grid.quantize(images.values[image * 192 + $0 * 64 + pixel]) }
      }
    }
    #expect(engine.inputCount == 2 * 192)
    let outputs = try engine.outputs(EngineTensor.bytes(inputs, bits: 16), threads: 2)
    let integers = EngineTensor.integers(outputs, bits: 16)
    let largest = expected.values.map(abs).max() ?? 0
    try #require(integers.count == expected.values.count)
    for (integer, real) in zip(integers, expected.values) {
      #expect(abs(engine.outputs[0].scale * Float(integer) - real) <= 0.02 * largest)
    }
    let classes = engine.classes(of: outputs)
    #expect(classes == (0..<images.batch).map { image in
      let own = integers[image * 5..<(image + 1) * 5]
      return own.firstIndex(of: own.max() ?? 0)! - image * 5
    })
  }
}
