import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

@Suite struct FloatExecutorTests {
  private static func images(_ count: Int, _ shape: [Int]) -> Tensor {
    var generator = SeededGenerator(seed: 11)
    return Tensor(
      batch: count, shape: shape, values: generator.floats(count * shape.reduce(1, *)))
  }

  /// Batches that end inside a piece, at its border and before it.
  @Test(arguments: [1, 7, 8, 9, 37])
  func resultIsTheSameToTheBitAtAnyThreadCount(_ batch: Int) throws {
    let graph = GraphBuilder.resnet8()
    let input = Self.images(batch, [1, 28, 28])
    let reference = try FloatExecutor(graph: graph, threads: 1).run(input)
    #expect(reference.values.allSatisfy { $0.isFinite })
    #expect(Set(reference.values).count > batch)
    for threads in [2, 3, 8] {
      let executor = try FloatExecutor(graph: graph, threads: threads)
      #expect(try executor.run(input).values.map(\.bitPattern) == reference.bits)
    }
  }

  /// Three ways through the same kernels: pieces through the network with buffers reused, node by
  /// node over the batch, and single operators.
  @Test func observingAndSingleOperatorsAgreeWithRunToTheBit() throws {
    let graph = GraphBuilder.resnet8()
    let input = Self.images(19, [1, 28, 28])
    let executor = try FloatExecutor(graph: graph, threads: 2)
    let plain = try executor.run(input)
    var observed: [Int: Tensor] = [:]
    let output = try executor.run(input) { observed[$0] = $1 }
    #expect(output.bits == plain.bits)
    #expect(observed.count == graph.values.count)
    for (index, value) in graph.values.enumerated() {
      #expect(observed[index]?.shape == value.shape)
      #expect(observed[index]?.batch == 19)
    }
    var values = [graph.input: input]
    for node in graph.nodes {
      values[node.output] = try FloatOperators.evaluate(
        node.operation, inputs: node.inputs.compactMap { values[$0] },
        outputShape: graph.values[node.output].shape, threads: 3)
      #expect(values[node.output]?.bits == observed[node.output]?.bits)
    }
    let some = try executor.evaluate(input, wanted: [3, graph.output, 999])
    #expect(some.keys.sorted() == [3, graph.output])
    #expect(some[3]?.bits == observed[3]?.bits)
  }

  /// Values that are read again later must survive operations that work in place.
  @Test func valueReadTwiceIsNotOverwritten() throws {
    var builder = GraphBuilder([2, 3, 3])
    let doubled = builder.add(.add, [0, 0], [2, 3, 3])
    let clamped = builder.add(.clamp(low: -0.5, high: 0.5), [doubled], [2, 3, 3])
    let sum = builder.add(.add, [clamped, doubled], [2, 3, 3])
    let folded = builder.add(.reshape, [sum], [18])
    let twice = builder.add(.add, [folded, folded], [18])
    _ = builder.add(.concatenate(axis: 0), [twice, folded], [36])
    let input = Self.images(5, [2, 3, 3])
    let output = try FloatExecutor(graph: builder.graph, threads: 1).run(input)
    for image in 0..<5 {
      for index in 0..<18 {
        let x = 2 * input.values[image * 18 + index]
        let expected = min(max(x, -0.5), 0.5) + x
        #expect(output.values[image * 36 + index] == 2 * expected)
        #expect(output.values[image * 36 + 18 + index] == expected)
      }
    }
  }

  @Test func graphThatIsOnlyItsInputReturnsIt() throws {
    let graph = FloatGraph(values: [.init(name: "x", shape: [4])])
    let input = Self.images(11, [4])
    #expect(try FloatExecutor(graph: graph, threads: 2).run(input) == input)
  }

  /// The output may also feed nodes that lead nowhere.
  @Test func nodesAfterTheOutputDoNotDisturbIt() throws {
    var builder = GraphBuilder([6])
    let doubled = builder.add(.add, [0, 0], [6])
    _ = builder.add(.clamp(low: 0, high: 0), [doubled], [6])
    builder.graph.output = doubled
    let input = Self.images(3, [6])
    let output = try FloatExecutor(graph: builder.graph, threads: 1).run(input)
    #expect(output.values == input.values.map { $0 + $0 })
  }

  @Test func emptyBatchGivesEmptyOutput() throws {
    let executor = try FloatExecutor(graph: GraphBuilder.resnet8(), threads: 2)
    let output = try executor.run(Tensor(batch: 0, shape: [1, 28, 28], values: []))
    #expect(output == Tensor(batch: 0, shape: [10], values: []))
  }

  @Test func inputThatDoesNotFitIsRefused() throws {
    let executor = try FloatExecutor(graph: GraphBuilder.resnet8(), threads: 2)
    let wrong = [
      Tensor(batch: 1, shape: [1, 28, 27], repeating: 0),
      Tensor(batch: 2, shape: [1, 28, 28], values: [0]),
      Tensor(batch: -1, shape: [1, 28, 28], values: []),
      Tensor(batch: .max, shape: [1, 28, 28], values: []),
    ]
    for input in wrong {
      #expect(throws: FloatGraphError.self) { try executor.run(input) }
      #expect(throws: FloatGraphError.self) { try executor.run(input) { _, _ in } }
    }
  }

  @Test func queriesDescribeTheGraph() {
    let graph = GraphBuilder.resnet8()
    // Stem, stage 1, stages 2 and 3 with 1 × 1 shortcuts, linear.
    let stages = 2 * 16 * 144 * 784 + (32 * 144 + 32 * 288 + 32 * 16) * 196
    #expect(
      graph.macs == 16 * 9 * 784 + stages + (64 * 288 + 64 * 576 + 64 * 32) * 49 + 640)
    // The stem's output feeds the first convolution and the sum of stage 1.
    #expect(graph.consumers(of: 3) == [3, 8])
    #expect(graph.producer(of: 3) == 2)
    #expect(graph.producer(of: 0) == nil)
    #expect(graph.consumers(of: graph.output).isEmpty)
  }
}

extension Tensor {
  var bits: [UInt32] { values.map(\.bitPattern) }
}
