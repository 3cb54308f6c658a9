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

/// The real network that an integer program stands for, against the engine that runs the program.
@Suite struct DequantizationTests {
  /// The largest distance between the program's outputs and its real network's, as a share of the
  /// largest output.
  private func distance(_ graph: FloatGraph, seed: UInt64, scheme: String) throws -> Float {
    var generator = SeededGenerator(seed: seed, stream: 5)
    let shape = graph.values[graph.input].shape
    let images = generator.images(16, shape)
    let plan = try QuantizationPlan(graph, images, scheme)
    let program = try Lowering.program(plan.nearest())
    let engine = try IntegerEngine(bytes: CupelWriter.bytes(of: program))
    let grid = plan.grids[graph.input]
    let plane = shape.dropFirst().reduce(1, *)
    let inputs = (0..<images.batch).flatMap { image in
      (0..<plane).flatMap { pixel in
        (0..<shape[0]).map {
          grid.quantize(images.values[(image * shape[0] + $0) * plane + pixel])
        }
      }
    }
    let outputs = EngineTensor.integers(
      try engine.outputs(EngineTensor.bytes(inputs, bits: grid.bits), threads: 2), bits: grid.bits)
    let tensor = engine.outputs[0]
    let real = try FloatExecutor(graph: FloatGraph(dequantizing: program), threads: 1)
      .run(images).values
    try #require(real.count == outputs.count && tensor.count * images.batch == real.count)
    let largest = real.map(abs).max() ?? 0
    try #require(largest > 0)
    return zip(outputs, real).map { abs(tensor.scale * Float($0 - tensor.zeroPoint) - $1) }
      .max()! / largest
  }

  /// With 16 bits the program's roundings are small: only the weights are not the float model's, and
  /// those the real network has as well.
  ///
  /// Network 5 has a layer that 16 bits would scale by more than they allow.
  @Test(arguments: [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12])
  func activationsOfSixteenBitsAreNear(_ seed: UInt64) throws {
    var network = RandomGraph(seed: seed, isPlain: true)
    #expect(try distance(network.build(), seed: seed, scheme: "w8a16") <= 0.003)
  }

  @Test(arguments: 1...12)
  func activationsOfEightBitsAreNearEnough(_ seed: UInt64) throws {
    var network = RandomGraph(seed: seed, isPlain: true)
    #expect(try distance(network.build(), seed: seed, scheme: "w8a8") <= 0.25)
  }

  /// A weight of two taps on a grid of its own: 3 · 0.5 and −2 · 0.5, a bias of 8 · 0.25 · 0.5, and a
  /// ReLU that the grid's end makes.
  @Test func layerHasTheNumbersThatItsIntegersMean() throws {
    var program = IntegerProgram()
    program.tensors = [
      IntegerTensor(
        name: "x", height: 1, width: 2, channels: 1, bits: 8, zeroPoint: -7, scale: 0.25),
      IntegerTensor(
        name: "y", height: 1, width: 1, channels: 1, bits: 8, zeroPoint: -128, scale: 0.125),
    ]
    program.operations = [
      IntegerOperation(
        name: "layer",
        kind: .convolution(
          .init(
            .init(kernelHeight: 1, kernelWidth: 2), groups: 1,
            .init(
              bits: 8, weights: [3, -2], bias: [8],
              scales: [ChannelScale(weightScale: 0.5, multiplier: 1 << 30, shift: 1)],
              rounding: .doubleRounding, low: -128, high: 127))), inputs: [0], output: 1)
    ]
    program.output = 1
    let graph = try FloatGraph(dequantizing: program)
    let layer = try #require(graph.nodes[0].operation.as(FloatGraph.Convolution.self))
    #expect(layer.weights == [1.5, -1] && layer.bias == [1])
    let clamp = try #require(graph.nodes[1].operation.as(FloatGraph.Clamp.self))
    #expect(clamp.low == 0 && clamp.high == 255 * 0.125)
    let answers = try FloatExecutor(graph: graph, threads: 1)
      .run(Tensor(batch: 2, shape: [1, 1, 2], values: [2, 1, -4, 1])).values
    #expect(answers == [3, 0])
  }

  @Test func whatHasNoFormIsNamed() throws {
    var program = IntegerProgram()
    program.tensors = ["x", "z"].map {
      IntegerTensor(name: $0, height: 1, width: 1, channels: 4, bits: 8, zeroPoint: 0, scale: 1)
    }
    program.operations = [
      IntegerOperation(
        name: "table", kind: .lookup(.init(table: (-128...127).map { Int8($0) })), inputs: [0],
        output: 1)
    ]
    program.output = 1
    let error = #expect(throws: QuantizationError.self) { try FloatGraph(dequantizing: program) }
    #expect(error?.description.contains("'table': a table of an unknown function") ?? false)
  }
}
