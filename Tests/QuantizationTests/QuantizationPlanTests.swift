import CupelFloatGraph
import CupelIntegerBuilder
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

@Suite("Quantization plans")
struct QuantizationPlanTests {
  private static let pointwise = FloatGraph.Window(kernelHeight: 1, kernelWidth: 1)

  private func images(_ graph: FloatGraph) -> Tensor {
    var generator = SeededGenerator(seed: 9)
    return generator.images(8, graph.values[graph.input].shape)
  }

  /// A residual network: v1 stem, v2 and v3 the block's layers, v4 the sum, v5 and v6 the layers of
  /// a second block with a shortcut layer v7, v8 the sum, v9 pooled, v10 logits.
  private func residual() throws -> FloatGraph {
    var generator = SeededGenerator(seed: 8)
    var builder = GraphBuilder([2, 3, 3])
    func layer(_ input: Int, _ builder: inout GraphBuilder) -> Int {
      builder.convolution(input, weights: generator.floats(4), outputs: 2)
    }
    let stem = layer(0, &builder)
    let first = layer(stem, &builder)
    let second = layer(first, &builder)
    let sum = builder.add(stem, second)
    let third = layer(sum, &builder)
    let fourth = layer(third, &builder)
    let shortcut = layer(sum, &builder)
    let last = builder.add(fourth, shortcut)
    let pooled = builder.globalAveragePool(last)
    let logits = builder.linear(pooled, weights: generator.floats(6), outputs: 3)
    return try builder.graph(output: logits)
  }

  @Test("a8: everything has 8 bits and no copy")
  func eightBits() throws {
    let graph = try residual()
    for scheme in ["w8a8", "w4a8"] {
      let plan = try QuantizationPlan(graph, images(graph), scheme)
      #expect(plan.grids.count == 11)
      #expect(plan.grids.allSatisfy { $0.bits == 8 })
      #expect(plan.copies.isEmpty)
      #expect(plan.layers.map(\.bits) == [Int](repeating: scheme == "w8a8" ? 8 : 4, count: 7))
    }
  }

  @Test("a4: input, sums, pooled features and logits stay at 8 bits; layers read 4")
  func fourBits() throws {
    let graph = try residual()
    let plan = try QuantizationPlan(graph, images(graph), "w4a4")
    // Only what layers alone write and read is stored at 4 bits: v2 and v5.
    #expect(plan.grids.indices.filter { plan.grids[$0].bits == 4 } == [2, 5])
    // The input, the stem (also read by the sum), both sums that layers read, pooled features.
    #expect(plan.copies.keys.sorted() == [0, 1, 4, 9])
    #expect(plan.copies.values.allSatisfy { $0.bits == 4 })
    #expect(plan.layers.allSatisfy { $0.inputGrid.bits == 4 })
    for layer in plan.layers {
      let value = plan.fused.units[layer.unit].inputs[0]
      #expect(layer.inputGrid == plan.copies[value] ?? plan.grids[value])
      #expect(layer.outputGrid == plan.grids[plan.fused.units[layer.unit].output])
    }
    // A copy spans the same range as the value it is taken from.
    for (value, copy) in plan.copies {
      let stored = plan.grids[value]
      #expect(abs(copy.scale * 15 - stored.scale * 255) < 1e-5)
    }
  }

  @Test("edge8: the first and the last layer keep 8 bits, weights and input")
  func edges() throws {
    let graph = try residual()
    let plan = try QuantizationPlan(graph, images(graph), "w4a4.edge8")
    #expect(plan.layers.map(\.bits) == [8, 4, 4, 4, 4, 4, 8])
    #expect(plan.layers.map(\.inputGrid.bits) == [8, 4, 4, 4, 4, 4, 8])
    #expect(plan.layers.map { $0.limits.upperBound } == [127, 7, 7, 7, 7, 7, 127])
    #expect(plan.copies.keys.sorted() == [1, 4])
  }

  @Test("with two layers only, edge8 is 8 bits throughout; a value may be read at both widths")
  func fewLayers() throws {
    var builder = GraphBuilder([2, 3, 3])
    let first = builder.convolution(0, weights: [1, 2, 3, 4], outputs: 2)
    let second = builder.convolution(0, weights: [1, 2, 3, 5], outputs: 2)
    let third = builder.convolution(0, weights: [1, 2, 3, 6], outputs: 2)
    let sum = builder.add(builder.add(first, second), third)
    let graph = try builder.graph(output: sum)
    let plan = try QuantizationPlan(graph, images(graph), "w4a4.edge8")
    #expect(plan.layers.map(\.inputGrid.bits) == [8, 4, 8])
    #expect(plan.layers[0].inputGrid == plan.grids[0])
    #expect(plan.layers[1].inputGrid == plan.copies[0])

    builder = GraphBuilder([2, 3, 3])
    var value = builder.convolution(0, weights: [1, 2, 3, 4], outputs: 2)
    value = builder.convolution(value, weights: [1, 2, 3, 4], outputs: 2)
    let small = try builder.graph(output: value)
    let edge = try QuantizationPlan(small, images(small), "w4a4.edge8")
    #expect(edge.copies.isEmpty)
    #expect(edge.grids.allSatisfy { $0.bits == 8 })
  }

  @Test("operations that only move values about share their input's grid, and its range for copies")
  func sharedGrids() throws {
    var builder = GraphBuilder([2, 4, 4])
    let first = builder.convolution(0, weights: [1, 2, 3, 4], outputs: 2)
    var value = builder.pool(first, Self.pointwise, average: true)
    value = builder.pool(value, Self.pointwise, average: false)
    value = builder.add(
      .pad(FloatGraph.Pad(before: [0, 1, 0], after: [0, 0, 1], value: 0)), [value], [2, 5, 5])
    value = builder.add(
      .slice(FloatGraph.Slice(start: [0, 1, 1], step: [1, 2, 1])), [value], [2, 2, 4])
    value = builder.clamp(value)
    value = builder.flatten(value)
    let logits = builder.linear(value, weights: [Float](repeating: 0.1, count: 32), outputs: 2)
    let graph = try builder.graph(output: logits)
    let plan = try QuantizationPlan(graph, images(graph), "w4a4")
    let shared = plan.grids[first]
    #expect(shared.bits == 8)
    for moved in first + 1...value { #expect(plan.grids[moved] == shared) }
    let copy = try #require(plan.copies[value])
    #expect(copy.bits == 4)
    #expect(abs(copy.scale * 15 - shared.scale * 255) < 1e-5)
  }

  @Test("integers that are not the layers' own numbers are refused")
  func integers() throws {
    let graph = try residual()
    let plan = try QuantizationPlan(graph, images(graph), "w4a4")
    var integers = plan.nearest().integers
    #expect(try RoundedPlan(plan, integers: integers).integers == integers)
    #expect(
      throws: QuantizationError.unsupported(
        node: "v10", rule: "integers of 6 layers are given for 7")
    ) { try RoundedPlan(plan, integers: integers.dropLast()) }
    integers[2].append(0)
    #expect(
      throws: QuantizationError.unsupported(
        node: "n2", rule: "5 integers are given for 4 weights")
    ) { try RoundedPlan(plan, integers: integers) }
  }

  @Test("parameters that are not finite once folded are refused", arguments: ["w8a8", "w8a8.pre"])
  func notFinite(scheme: String) throws {
    // Each number is finite, and so is every activation, thanks to the clamp.
    for (gamma, mean, weight) in [(3e30, 3e30, 1), (-3e30, 3e30, 1), (3e30, 0, 3e30)]
      as [(Float, Float, Float)]
    {
      var builder = GraphBuilder([1, 1, 1])
      var value = builder.convolution(0, weights: [weight], outputs: 1)
      value = builder.normalization(value, gamma: [gamma], mean: [mean])
      value = builder.clamp(value, 0, 6)
      let graph = try builder.graph(output: value)
      let images = Tensor(batch: 1, shape: [1, 1, 1], values: [1])
      let error = #expect(throws: QuantizationError.self) {
        try QuantizationPlan(graph, images, scheme)
      }
      #expect(error?.description.contains("n0") == true)
    }
  }

  @Test("padding with a value that the input's grid does not reach has a grid that does")
  func padding() throws {
    for (value, isOnGrid) in [(Float(0), true), (0.5, true), (1.001, true), (5, false), (-3, false)] {
      var builder = GraphBuilder([1, 1, 2])
      let padded = builder.add(
        .pad(FloatGraph.Pad(before: [0, 0, 1], after: [0, 0, 0], value: value)), [0],
        [1, 1, 3])
      let graph = try builder.graph(output: padded)
      let images = Tensor(batch: 1, shape: [1, 1, 2], values: [-1, 1])
      let plan = try QuantizationPlan(graph, images)
      #expect((plan.grids[padded] == plan.grids[graph.input]) == isOnGrid)
      let grid = plan.grids[padded]
      #expect(abs(grid.dequantize(grid.quantize(value)) - value) <= grid.scale)
      _ = try Lowering.program(plan.nearest())
    }
  }
}
