import CupelFloatGraph
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

@Suite("Fusion")
struct FusedGraphTests {
  private static let ones: [Float] = [1, 1]

  /// A builder with a 2 × 2 × 2 input and a 1×1 convolution, whose output comes second.
  private func start() -> (GraphBuilder, Int) {
    var builder = GraphBuilder([2, 2, 2])
    let output = builder.convolution(0, weights: [1, 2, 3, 4], outputs: 2)
    return (builder, output)
  }

  @Test("convolution, BatchNorm and ReLU become one unit")
  func all() throws {
    var (builder, value) = start()
    value = builder.normalization(value, gamma: [2, 3])
    value = builder.clamp(value, 0, 6)
    let fused = try FusedGraph(builder.graph(output: value))
    #expect(fused.units.count == 1)
    #expect(fused.units[0].name == "n0")
    #expect(fused.units[0].inputs == [0])
    #expect(fused.units[0].output == 3)
    #expect(fused.units[0].batchNormalization?.gamma == [2, 3])
    #expect(fused.units[0].clamp?.low == 0)
    #expect(fused.units[0].clamp?.high == 6)
    #expect(fused.output == 3)
  }

  @Test("a value that is read twice, or is the output, is not fused away")
  func severalReaders() throws {
    // The convolution's output also goes to the sum.
    var (builder, value) = start()
    let normalized = builder.normalization(value, gamma: Self.ones)
    let sum = builder.add(value, normalized)
    var fused = try FusedGraph(builder.graph(output: sum))
    #expect(fused.units.map(\.output) == [1, 2, 3])
    #expect(fused.units[0].batchNormalization == nil)

    // The convolution's output is the graph's.
    fused = try FusedGraph(builder.graph(output: value))
    #expect(fused.units[0].batchNormalization == nil)
    #expect(fused.output == value)

    // BatchNorm is fused, and its output read by ReLU and the sum.
    (builder, value) = start()
    let branch = builder.normalization(value, gamma: Self.ones)
    let clamped = builder.clamp(branch)
    let total = builder.add(branch, clamped)
    fused = try FusedGraph(builder.graph(output: total))
    #expect(fused.units.map(\.output) == [2, 3, 4])
    #expect(fused.units[0].batchNormalization != nil)
    #expect(fused.units[0].clamp == nil)
    guard fused.units[1].operation.as(FloatGraph.Clamp.self) != nil else {
      Issue.record("the ReLU is \(fused.units[1].operation)")
      return
    }
  }

  @Test("a value added to itself is not fused into its own sum")
  func doubled() throws {
    var (builder, value) = start()
    value = builder.add(value, value)
    value = builder.clamp(value)
    let fused = try FusedGraph(builder.graph(output: value))
    #expect(fused.units.map(\.output) == [1, 3])
    #expect(fused.units[1].inputs == [1, 1])
    #expect(fused.units[1].clamp != nil)
  }

  @Test("only one BatchNorm and one activation are fused, in this order")
  func order() throws {
    var (builder, value) = start()
    value = builder.clamp(value)
    value = builder.normalization(value, gamma: Self.ones)
    value = builder.normalization(value, gamma: Self.ones)
    value = builder.clamp(value)
    value = builder.clamp(value, -1, 1)
    let fused = try FusedGraph(builder.graph(output: value))
    // conv+ReLU, BatchNorm alone, BatchNorm+ReLU, clamp.
    #expect(fused.units.map(\.output) == [2, 3, 5, 6])
    #expect(fused.units.map(\.isWeighted) == [true, true, true, false])
    #expect(fused.units[0].batchNormalization == nil)
  }

  @Test("activations fuse into sums and global pooling and stand alone after other operations")
  func activations() throws {
    let window = FloatGraph.Window(kernelHeight: 1, kernelWidth: 1)
    var builder = GraphBuilder([2, 2, 2])
    var value = builder.clamp(builder.add(0, 0))
    value = builder.clamp(builder.pool(value, window, average: false))
    value = builder.clamp(builder.pool(value, window, average: true))
    value = builder.clamp(builder.globalAveragePool(value))
    value = builder.clamp(builder.linear(value, weights: [1, 2], outputs: 1))
    let fused = try FusedGraph(builder.graph(output: value))
    #expect(fused.units.map(\.output) == [2, 3, 4, 5, 6, 8, 10])
  }

  @Test("a BatchNorm alone is a depthwise convolution by one")
  func standalone() throws {
    var builder = GraphBuilder([3, 2, 2])
    var value = builder.normalization(
      0, gamma: [2, -3, 0], beta: [1, 2, 3], mean: [4, 5, 6], variance: [3, 8, 0], epsilon: 1)
    value = builder.clamp(value)
    let fused = try FusedGraph(builder.graph(output: value))
    #expect(fused.units.count == 1)
    guard let convolution = fused.units[0].operation.as(FloatGraph.Convolution.self) else {
      Issue.record("it is \(fused.units[0].operation)")
      return
    }
    #expect(convolution.groups == 3)
    #expect(convolution.weights == [1, 1, 1])
    let parameters = try #require(fused.units[0].parameters)
    // gamma / √(variance + 1), beta − mean · factor.
    #expect(parameters.factors == [1, -1, 0])
    #expect(parameters.bias == [1 - 4, 2 + 5, 3])
    #expect(parameters.rows == 3 && parameters.columns == 1)
  }

  @Test("a layer's bias goes through its BatchNorm")
  func bias() throws {
    var builder = GraphBuilder([2])
    var value = builder.linear(0, weights: [1, 2, 3, 4], bias: [10, 20], outputs: 2)
    value = builder.normalization(
      value, gamma: [2, -3], beta: [1, 2], mean: [4, 5], variance: [4, 9])
    let unit = try FusedGraph(builder.graph(output: value)).units[0]
    let parameters = try #require(unit.parameters)
    #expect(parameters.factors == [1, -1])
    #expect(parameters.bias == [1 + 6, 2 - 15])
    #expect(parameters.weights == [1, 2, 3, 4])
  }

  @Test("a BatchNorm over features must follow a linear layer")
  func features() throws {
    var builder = GraphBuilder([2])
    let value = builder.normalization(0, gamma: Self.ones)
    let graph = try builder.graph(output: value)
    #expect(
      throws: QuantizationError.unsupported(
        node: "n0", rule: "BatchNormalization over features must follow a linear layer")
    ) { try FusedGraph(graph) }
  }

  @Test("a final Softmax is left out, any other stays")
  func softmax() throws {
    var builder = GraphBuilder([2])
    let logits = builder.linear(0, weights: [1, 2, 3, 4], outputs: 2)
    let probabilities = builder.add(.softmax, [logits], [2])
    let fused = try FusedGraph(builder.graph(output: probabilities))
    #expect(fused.units.count == 1)
    #expect(fused.output == logits)

    let value = builder.linear(probabilities, weights: [1, 2, 3, 4], outputs: 2)
    let inner = try FusedGraph(builder.graph(output: value))
    #expect(inner.units.count == 3)
  }

  @Test("the fused graph computes what the graph computes", arguments: 0..<30)
  func sameResult(seed: Int) throws {
    var network = RandomGraph(seed: UInt64(seed))
    let graph = try network.build()
    var generator = SeededGenerator(seed: UInt64(seed), stream: 1)
    let images = generator.images(5, graph.values[graph.input].shape)
    let expected = try FloatExecutor(graph: graph, threads: 1).run(images)
    let evaluator = UnitEvaluator(try FusedGraph(graph), threads: 2)
    let found = try evaluator.walk(images) { try evaluator.evaluate($0, inputs: $1) }
    #expect(found.shape == expected.shape)
    let size = expected.values.reduce(0) { max($0, abs($1)) }
    for (one, other) in zip(found.values, expected.values) {
      #expect(abs(one - other) <= 1e-4 * size)
    }
  }
}
