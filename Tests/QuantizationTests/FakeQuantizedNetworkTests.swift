import CupelFloatGraph
import CupelQuantization
import CupelSupport
import Foundation
import TestSupport
import Testing

@Suite("Straight-through rounding")
struct FakeQuantizedNetworkTests {
  /// y = relu(0.5 · x + 0.1) of single numbers: an input scale of 2.55 / 255 = 0.01 with range
  /// −1 … 1.55, an output range of 0 … 0.875.
  private func scalar(_ scheme: String = "w8a8") throws -> QuantizationPlan {
    var builder = GraphBuilder([1, 1, 1])
    let layer = builder.convolution(0, weights: [0.5], bias: [0.1], outputs: 1)
    let output = builder.clamp(layer)
    let graph = try builder.graph(output: output)
    return try QuantizationPlan(
      graph, Tensor(batch: 2, shape: [1, 1, 1], values: [-1, 1.55]), scheme)
  }

  private func images(_ values: [Float]) -> Tensor {
    Tensor(batch: values.count, shape: [1, 1, 1], values: values)
  }

  @Test("the input's gradient passes where nothing saturates, by hand")
  func input() throws {
    let network = FakeQuantizedNetwork(try scalar().nearest(), threads: 1)
    // Below the input's grid; below the clamp; passing three times; above both grids.
    let tape = try network.run(images([-2, -0.5, -0.1, 0.3, 1.55, 1.6]))
    let gradient = try tape.gradient(images([1, 1, 1, 2, 1, 1]))
    let input = try #require(gradient.input)
    // The weight is 127 steps of 0.5 / 127.
    #expect(input.values == [0, 0, 0.5, 1, 0.5, 0])
  }

  @Test("values between the units are kept, and have gradients, by hand")
  func between() throws {
    // relu(x) and then 2 · relu(x): what lies between them is asked for.
    var builder = GraphBuilder([1, 1, 1])
    let first = builder.clamp(builder.convolution(0, weights: [1], outputs: 1))
    let second = builder.convolution(first, weights: [2], outputs: 1)
    let graph = try builder.graph(output: second)
    let plan = try QuantizationPlan(graph, images([-1, 1.55]), "w8a8")
    let network = FakeQuantizedNetwork(plan.nearest(), threads: 1)
    let tape = try network.run(images([-0.5, 1, 3]), wants: .inputs, keeping: [first])
    let kept = try #require(tape.kept[first])
    #expect(kept.values[0] == 0)
    #expect(abs(kept.values[1] - 1) < 0.01 && abs(kept.values[2] - 1.55) < 0.01)
    #expect(try network.run(images([1])).kept.isEmpty)

    let gradient = try tape.gradient(images([1, 1, 1]), differentiating: [first])
    let between = try #require(gradient.values[first])
    // By the value itself: what stops gradients before it does not count.
    #expect(between.values.map { ($0 * 100).rounded() } == [200, 200, 200])
    #expect(gradient.input?.values.map { ($0 * 100).rounded() } == [0, 200, 0])
    #expect(try tape.gradient(images([1, 1, 1])).values.isEmpty)
  }

  @Test("gradients pass where grids saturate, if asked to, and where activations do not")
  func saturation() throws {
    let network = FakeQuantizedNetwork(try scalar().nearest(), threads: 1)
    let tape = try network.run(images([-2, -0.5, 0.3, 1.6]), passesSaturation: true)
    let gradient = try tape.gradient(images([1, 1, 1, 1]))
    // The first two are cut off by the clamp, the last one by both grids.
    #expect(gradient.input?.values == [0, 0, 0.5, 0.5])
  }

  @Test("the weights' gradient is the rounded input's, by hand")
  func weights() throws {
    let network = FakeQuantizedNetwork(try scalar().nearest(), threads: 1)
    let tape = try network.run(images([0.304, -0.5, 0.999]), wants: .parameters)
    let gradient = try tape.gradient(images([1, 1, 2]))
    #expect(gradient.input == nil)
    let layer = try #require(gradient.layers.first ?? nil)
    // The second image is cut off by the clamp; the others are read as 0.30 and 1.00.
    #expect(abs(layer.weights[0] - 2.3) < 1e-6)
    #expect(layer.bias == [3])
  }

  @Test(
    "a layer's gradient is by the weights that are rounded: times BatchNorm's factor before folding"
  )
  func folding() throws {
    var builder = GraphBuilder([1, 1, 1])
    let layer = builder.convolution(0, weights: [0.5], outputs: 1)
    let output = builder.normalization(layer, gamma: [4])
    let graph = try builder.graph(output: output)
    let calibration = images([-1, 1])
    for (scheme, factor): (String, Float) in [("w8a8.pre", 4), ("w8a8.post", 1)] {
      let network = FakeQuantizedNetwork(
        try QuantizationPlan(graph, calibration, scheme).nearest(), threads: 1)
      let tape = try network.run(images([1]))
      let gradient = try tape.gradient(images([1]))
      #expect(abs(gradient.layers[0]!.weights[0] - factor) < 0.05)
      #expect(abs(gradient.input!.values[0] - 2) < 1e-5)
    }
  }

  @Test("weights beyond the grid's limits get no gradient")
  func saturatedWeights() throws {
    var builder = GraphBuilder([1, 1, 1])
    let layer = builder.convolution(0, weights: [1, 0.25], outputs: 2)
    let graph = try builder.graph(output: layer)
    let plan = try QuantizationPlan(graph, images([-1, 1]), "w4a8.pt.mse")
    let narrow = plan.layers[0]
    let network = FakeQuantizedNetwork(plan.nearest(), threads: 1)
    let tape = try network.run(images([0.5]))
    let gradient = try tape.gradient(Tensor(batch: 1, shape: [2, 1, 1], repeating: 1))
    for (row, value) in gradient.layers[0]!.weights.enumerated() {
      let steps = (narrow.weights[row] / narrow.scales[row]).rounded(.toNearestOrEven)
      #expect((value == 0) == (abs(steps) > 7))
    }
  }

  @Test("where a layer reads a narrow copy, that grid's range counts too")
  func narrowCopy() throws {
    var builder = GraphBuilder([1, 1, 1])
    let first = builder.convolution(0, weights: [1], outputs: 1)
    let output = builder.add(first, 0)
    let graph = try builder.graph(output: output)
    // Least squares cuts the tails off at 4 bits, at 8 bits hardly.
    var generator = SeededGenerator(seed: 1)
    let normal = (0..<600).map { _ in generator.normal() }
    let plan = try QuantizationPlan(graph, images(normal), "w4a4.mse")
    let narrow = plan.layers[0].inputGrid
    let stored = plan.grids[graph.input]
    #expect(narrow.bits == 4)
    let network = FakeQuantizedNetwork(plan.nearest(), threads: 1)
    var seen: Set<Float> = []
    for value in stride(from: Float(-3), through: 3, by: 0.01) {
      let tape = try network.run(images([value]))
      let found = try tape.gradient(images([1])).input!.values[0]
      guard stored.passes([value])[0], plan.grids[graph.output].passes([2 * value])[0] else {
        continue
      }
      var read = [value]
      stored.snap(&read)
      // The sum passes 1; the layer, 7 steps of 1/7, another 1 where its copy does not saturate.
      let expected: Float = narrow.passes(read)[0] ? 2 : 1
      #expect(abs(found - expected) < 1e-5)
      seen.insert(expected)
    }
    #expect(seen == [1, 2])
  }

  @Test("the forward pass is the plan's simulation", arguments: ["w8a8", "w4a4", "w4a8.pt.pre"])
  func forward(_ scheme: String) throws {
    for seed in 0..<12 as Range<UInt64> {
      var network = RandomGraph(seed: seed)
      let graph = try network.build()
      var generator = SeededGenerator(seed: seed)
      let images = generator.images(5, graph.values[graph.input].shape)
      let plan = try QuantizationPlan(graph, images, scheme)
      let rounded = plan.nearest()
      let evaluator = UnitEvaluator(plan.fused, threads: 1)
      var input = images
      plan.grids[graph.input].snap(&input.values)
      let expected = try evaluator.walk(input) {
        try rounded.simulate($0, inputs: $1, with: evaluator)
      }
      let fake = FakeQuantizedNetwork(plan.nearest(), threads: 2)
      #expect(try fake.run(images).output == expected)
      #expect(try fake.logits(images) == expected)
    }
  }

  /// Without activations, and with ranges that hold every value, the network is linear but for its
  /// rounding: its gradient is that of the float network with the rounded weights.
  @Test("without saturation the gradient is the linear network's with rounded weights")
  func linearNetwork() throws {
    var generator = SeededGenerator(seed: 3)
    var builder = GraphBuilder([2, 6, 6])
    let window = FloatGraph.Window(
      kernelHeight: 3, kernelWidth: 3, padTop: 1, padLeft: 1, padBottom: 1, padRight: 1)
    let first = builder.convolution(
      0, weights: generator.floats(4 * 18), bias: generator.floats(4), outputs: 4, window: window)
    let second = builder.convolution(
      first, weights: generator.floats(4 * 18), outputs: 4, window: window, groups: 2)
    let sum = builder.add(first, second)
    let half = FloatGraph.Window(
      kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2)
    let pooled = builder.pool(sum, half, average: true)
    let joined = builder.add(.concatenate(axis: 0), [pooled, pooled], [8, 3, 3])
    let flat = builder.flatten(joined)
    let last = builder.linear(flat, weights: generator.floats(3 * 72), outputs: 3)
    let graph = try builder.graph(output: last)
    let images = generator.images(9, [2, 6, 6])
    var wide = images
    wide.values = images.values.map { 4 * $0 }
    let plan = try QuantizationPlan(graph, wide)
    var rounded = graph
    for layer in plan.layers {
      rounded.nodes[layer.unit].operation.parameters[0] = layer.dequantize(layer.nearest())
    }
    let seed = generator.images(9, [3])
    let tape = try Differentiation(graph: rounded, wants: .inputs, threads: 1).run(images)
    let expected = try tape.gradient([last: seed]).values[0]!
    let fake = try FakeQuantizedNetwork(plan.nearest(), threads: 2).run(images).gradient(seed)
    let largest = expected.values.map(abs).max()!
    for (found, wanted) in zip(fake.input!.values, expected.values) {
      #expect(abs(found - wanted) < 1e-5 * largest)
    }
  }

  /// Rounding at 8 bits moves values little, so the gradient that passes straight through points
  /// where the float network's does; kinks at other places leave a part that does not.
  @Test(
    "at 8 bits the gradient points where the float network's does",
    arguments: [(true, 0.95), (false, 0.85)])
  func direction(isPlain: Bool, median: Double) throws {
    var cosines: [Double] = []
    for seed in 0..<24 as Range<UInt64> {
      var network = RandomGraph(seed: seed, isPlain: isPlain)
      let graph = try network.build()
      var generator = SeededGenerator(seed: seed)
      let images = generator.images(8, graph.values[graph.input].shape)
      let plan = try QuantizationPlan(graph, images, "w8a8")
      let shape = graph.values[plan.fused.output].shape
      let seedGradient = generator.images(8, shape)
      let fake = try FakeQuantizedNetwork(plan.nearest(), threads: 1).run(images).gradient(
        seedGradient)
      let tape = try Differentiation(graph: graph, wants: .inputs, threads: 1).run(images)
      let float = try tape.gradient([plan.fused.output: seedGradient])
      guard float.values[graph.input]!.values.contains(where: { $0 != 0 }) else { continue }
      cosines.append(cosine(fake.input!.values, float.values[graph.input]!.values))
    }
    cosines.sort()
    // With functions that bend, rounding moves slopes too: measured 0.90.
    #expect(cosines[cosines.count / 2] > median)
    if isPlain { #expect(cosines[cosines.count / 4] > 0.75) }
  }

  private func cosine(_ one: [Float], _ other: [Float]) -> Double {
    func dot(_ a: [Float], _ b: [Float]) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return dot(one, other) / max((dot(one, one) * dot(other, other)).squareRoot(), 1e-30)
  }

  @Test("any number of threads gives the same bits")
  func threads() throws {
    var network = RandomGraph(seed: 5)
    let graph = try network.build()
    var generator = SeededGenerator(seed: 5)
    let images = generator.images(21, graph.values[graph.input].shape)
    let plan = try QuantizationPlan(graph, images, "w4a8")
    func gradient(_ threads: Int) throws -> FakeQuantizedGradient {
      let tape = try FakeQuantizedNetwork(plan.nearest(), threads: threads).run(images)
      return try tape.gradient(tape.output)
    }
    let one = try gradient(1)
    for threads in [2, 3, 8] { #expect(try gradient(threads) == one) }
  }

  @Test("what is not wanted is not computed, and what does not fit is refused")
  func wants() throws {
    let network = FakeQuantizedNetwork(try scalar().nearest(), threads: 1)
    let inputs = try network.run(images([0.3]), wants: .inputs).gradient(images([1]))
    #expect(inputs.input?.values == [0.5])
    #expect(inputs.layers == [nil])
    let none = try network.run(images([0.3]), wants: []).gradient(images([1]))
    #expect(none == FakeQuantizedGradient(input: nil, layers: [nil]))
    #expect(throws: FloatGraphError.self) { try network.run(Tensor(batch: 1, shape: [2, 1, 1])) }
    #expect(throws: FloatGraphError.self) {
      try network.run(images([0.3])).gradient(images([1, 2]))
    }
  }
}
