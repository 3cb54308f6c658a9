import CupelFloatGraph
import Testing

/// Activation functions where they are awkward: at kinks, at infinity and at NaN.
@Suite struct ElementwiseTests {
  private static let functions: [FloatGraph.Operation] = [
    .sigmoid, .hyperbolicTangent, .hardSwish, .leakyRelu(slope: 0.25),
  ]

  private static func run(
    _ operation: FloatGraph.Operation, _ values: [Float]
  ) throws -> (output: [Float], slopes: [Float]) {
    let input = Tensor(batch: 1, shape: [values.count], values: values)
    let output = try FloatOperators.evaluate(
      operation, inputs: [input], outputShape: input.shape, threads: 1)
    let gradient = try FloatOperators.gradient(
      of: operation, inputs: [input], output: output,
      outputGradient: Tensor(batch: 1, shape: input.shape, repeating: 1), threads: 1)
    return (output.values, gradient.inputs[0].values)
  }

  @Test(arguments: functions)
  func notANumberPassesThrough(_ operation: FloatGraph.Operation) throws {
    let output = try Self.run(operation, [.nan]).output
    #expect(output[0].isNaN)
  }

  @Test func productsPassNotANumberThrough() throws {
    let one = Tensor(batch: 1, shape: [2], values: [.nan, 0])
    let other = Tensor(batch: 1, shape: [2], values: [0, .nan])
    let product = try FloatOperators.evaluate(
      .multiply, inputs: [one, other], outputShape: [2], threads: 1)
    #expect(product.values.filter(\.isNaN).count == 2)
  }

  /// PyTorch's conventions (as 2.15.0 computes them, for few values and for many).
  @Test func kinksHavePyTorchsSlopes() throws {
    let leaky = try Self.run(.leakyRelu(slope: 0.25), [-2, -0.0, 0, 2])
    #expect(leaky.slopes == [0.25, 0.25, 0.25, 1])
    let hard = try Self.run(.hardSwish, [-4, -3, 0, 3, 4])
    #expect(hard.slopes == [0, 0, 0.5, 1, 1])
  }

  @Test func largeValuesSaturate() throws {
    let soft = try Self.run(.sigmoid, [-1000, 1000])
    #expect(soft.output == [0, 1])
    #expect(soft.slopes == [0, 0])
    let tangent = try Self.run(.hyperbolicTangent, [-1000, 1000])
    #expect(tangent.output == [-1, 1])
    #expect(tangent.slopes == [0, 0])
    let hard = try Self.run(.hardSwish, [-1000, 1000])
    #expect(hard.output == [0, 1000])
    #expect(hard.slopes == [0, 1])
  }

  /// x · x, one value read twice.
  @Test func aValueTimesItselfHasTwiceItsSlope() throws {
    let graph = FloatGraph(
      values: [.init(name: "x", shape: [3]), .init(name: "y", shape: [3])],
      nodes: [.init(name: "square", operation: .multiply, inputs: [0, 0], output: 1)], input: 0,
      output: 1)
    let x = Tensor(batch: 1, shape: [3], values: [-1, 0, 2])
    let tape = try Differentiation(graph: graph, threads: 1).run(x)
    #expect(tape.output.values == [1, 0, 4])
    let gradient = try tape.gradient([1: Tensor(batch: 1, shape: [3], repeating: 1)])
    #expect(gradient.values[0]?.values == [-2, 0, 4])
  }
}
