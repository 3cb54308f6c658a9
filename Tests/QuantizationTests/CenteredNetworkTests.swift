import CupelFloatGraph
import CupelQuantization
import CupelSupport
import TestSupport
import Testing

/// Float networks whose nearest rounding is what was wanted.
@Suite struct CenteredNetworkTests {
  /// Two convolutions, of which the first has a BatchNormalization and no bias, and a linear layer.
  private func graph(seed: UInt64) -> FloatGraph {
    var builder = GraphBuilder([2, 5, 5], seed: seed)
    func floats(_ count: Int) -> [Float] { builder.generator.floats(count) }
    var value = builder.convolution(0, weights: floats(4 * 18), outputs: 4, window: .square(3))
    value = builder.normalization(
      value, gamma: [0.5, -2, 0.01, 1], beta: floats(4), mean: floats(4),
      variance: [1, 4, 0.25, 9], epsilon: 1e-5)
    value = builder.clamp(value)
    value = builder.convolution(
      value, weights: floats(3 * 36), bias: floats(3), outputs: 3, window: .square(3))
    value = builder.flatten(value)
    builder.linear(value, weights: floats(6), bias: floats(2), outputs: 2)
    return builder.graph
  }

  private func images(seed: UInt64) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return generator.images(8, [2, 5, 5])
  }

  /// What a converter makes of rows of weights: the scale from the largest, then nearest rounding.
  private func converted(_ weights: [Float], rows: Int, perTensor: Bool) -> [Int8] {
    let columns = weights.count / rows
    func scale(_ values: ArraySlice<Float>) -> Float { values.map(abs).max()! / 127 }
    return (0..<rows).flatMap { row in
      let own = weights[row * columns..<(row + 1) * columns]
      let step = scale(perTensor ? weights[...] : own)
      return own.map { Int8(($0 / step).rounded(.toNearestOrEven)) }
    }
  }

  /// Random integers, and those that set scales at their ends.
  private func roundings(of plan: QuantizationPlan, seed: UInt64) throws -> RoundedPlan {
    var generator = SeededGenerator(seed: seed)
    return try RoundedPlan(
      plan,
      integers: plan.layers.map { layer in
        var integers = layer.nearest().map { near in
          Int8(min(max(Int(near) + generator.below(5) - 2, -126), 126))
        }
        for index in layer.held(granularity: plan.scheme.granularity) {
          integers[index] = layer.nearest()[index]
        }
        return integers
      })
  }

  @Test(arguments: ["w8a8", "w8a8.pt", "w8a8.pre", "w8a8.pt.pre"])
  func nearestRoundingGivesTheIntegers(_ scheme: String) throws {
    let plan = try QuantizationPlan(graph(seed: 3), images(seed: 4), scheme)
    let rounded = try roundings(of: plan, seed: 5)
    let centered = CenteredNetwork(rounded) { _, _ in true }
    #expect(centered.missed.isEmpty && centered.uncorrected.isEmpty)
    for (layer, integers) in zip(plan.layers, rounded.integers) {
      let unit = plan.fused.units[layer.unit]
      var weights = centered.graph.nodes[unit.nodes[0]].operation.parameters[0]
      if plan.scheme.folding == .post, let factors = unit.parameters?.factors {
        let columns = weights.count / factors.count
        for index in weights.indices { weights[index] *= factors[index / columns] }
      }
      #expect(
        converted(weights, rows: layer.rows, perTensor: plan.scheme.granularity == .perTensor)
          == integers)
    }
  }

  /// A bias that a purification moved is moved behind the BatchNormalization.
  @Test func biasesAreThePlans() throws {
    var plan = try QuantizationPlan(graph(seed: 6), images(seed: 7))
    for index in plan.layers.indices {
      var layer = plan.layers[index]
      layer.bias = layer.bias.map { $0 + 0.125 }
      plan.replace(index, by: layer)
    }
    let made = CenteredNetwork(plan.nearest()) { _, _ in true }.graph
    for (layer, unit) in zip(plan.layers, try FusedGraph(made).units.filter(\.isWeighted)) {
      let bias = try #require(unit.parameters).bias
      for (own, wanted) in zip(bias, layer.bias) { #expect(abs(own - wanted) < 1e-5) }
    }
    #expect(made.nodes[0].operation.parameters.count == 1)
    // Where a BatchNormalization's offset has no place, the layer's bias would do; it has none.
    let fixed = CenteredNetwork(plan.nearest()) { node, _ in node != 1 && node != 0 }
    #expect(fixed.uncorrected == ["n0"])
  }

  /// Without an integer at an end, a converter would take a smaller scale.
  @Test func scalesThatAreNotKeptAreTold() throws {
    let plan = try QuantizationPlan(graph(seed: 8), images(seed: 9))
    let halves = try RoundedPlan(
      plan, integers: plan.layers.map { $0.nearest().map { $0 / 2 } })
    let missed = CenteredNetwork(halves) { _, _ in true }.missed
    #expect(missed.map(\.layer) == ["n0", "n3", "n5"])
    for (own, integers) in zip(missed, halves.integers) {
      #expect(own.weights == integers.count { $0 != 0 })
    }
  }

  /// A row of zeros has no weight that sets a scale.
  @Test func zerosHoldNothing() throws {
    var graph = graph(seed: 10)
    graph.nodes[3].operation.parameters[0].replaceSubrange(
      0..<36, with: [Float](repeating: 0, count: 36))
    let plan = try QuantizationPlan(graph, images(seed: 11))
    let held = plan.layer("n3").held(granularity: .perChannel)
    #expect(held.map { $0 / 36 } == [1, 2])
    #expect(plan.layer("n3").held(granularity: .perTensor).count == 1)
  }
}
