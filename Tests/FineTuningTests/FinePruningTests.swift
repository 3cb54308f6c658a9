import CupelFineTuning
import CupelFloatGraph
import TestSupport
import Testing

@Suite struct FinePruningTests {
  @Test func theLeastActiveGo() {
    #expect(FinePruning.leastActive([3, 1, 2, 0.5, 9], rate: 0.4) == [3, 1])
    #expect(FinePruning.leastActive([1, 1, 1], rate: 0.67) == [0, 1])
    #expect(FinePruning.leastActive([2, 1], rate: 0.4) == [])
    #expect(FinePruning.leastActive([-1, 1, 0, 5], rate: 0.5) == [0, 2])
  }

  @Test func stagesEndAtTheirLastActivation() {
    let graph = Problems.network()
    let clamps = graph.nodes.filter { $0.operation.as(FloatGraph.Clamp.self) != nil }
    #expect(graph.stageEnds == [clamps[1].output, clamps[3].output])
  }

  @Test func aSumWithoutActivationEndsAStage() {
    var builder = GraphBuilder([1, 6, 6], seed: 1)
    let one = builder.clamp(builder.convolution(0, 3))
    let sum = builder.add(builder.convolution(one, 3), one)
    let pooled = builder.add(.globalAveragePool, [sum], [3])
    builder.linear(pooled, 3)
    #expect(builder.graph.stageEnds == [sum])
  }

  @Test func gatedBlocksEndAtTheirProducts() {
    let graph = Problems.upsampling()
    let products = graph.nodes.filter { $0.operation == .multiply }
    let bent = graph.nodes.filter { $0.operation == .hardSwish }
    #expect(graph.stageEnds == [bent[0].output, products[1].output])
  }

  /// Pruned weights of a transpose convolution, also a grouped one, hide the channels that it reads.
  @Test(arguments: [1, 2, 4]) func prunedTransposeConvolutions(groups: Int) throws {
    let data = try Problems.images(6)
    var builder = GraphBuilder([1, 6, 6], seed: 9)
    let value = builder.gated(builder.convolution(0, 4))
    let weights = builder.floats(4 * 4 / groups * 6, 1)
    let up = builder.add(
      .transposeConvolution(
        .init(
          weights: weights, bias: nil, outputChannels: 4,
          window: .init(kernelHeight: 2, kernelWidth: 3, strideHeight: 2), groups: groups)),
      [value], [4, 12, 8])
    let pooled = builder.add(.globalAveragePool, [up], [4])
    builder.linear(pooled, 3)
    let graph = builder.graph
    var cleared = graph
    try graph.weights(reading: [1, 3], of: value).clear(&cleared)
    // The same with the weights of the layer before it at zero, which the product keeps.
    var masked = graph
    var first = masked.nodes[0].operation.parameters
    for element in Array(9..<18) + Array(27..<36) { first[0][element] = 0 }
    masked.nodes[0].operation.parameters = first
    let expected = try FloatExecutor(graph: masked, threads: 1).run(data.images)
    let found = try FloatExecutor(graph: cleared, threads: 1).run(data.images)
    let whole = try FloatExecutor(graph: graph, threads: 1).run(data.images)
    #expect(found.values != whole.values)
    for (one, other) in zip(found.values, expected.values) { #expect(abs(one - other) < 1e-5) }
  }

  @Test func activityIsTheMean() throws {
    let graph = Problems.network()
    let data = try Problems.images(70)
    let value = graph.stageEnds[1]
    let activity = try FinePruning.activity(of: value, in: graph, on: data.images, threads: 2)
    let found = try FloatExecutor(graph: graph, threads: 1).evaluate(
      data.images, wanted: [value])[value]!
    for channel in 0..<5 {
      var sum = 0.0
      for image in 0..<70 {
        for position in 0..<9 { sum += Double(found.values[image * 45 + channel * 9 + position]) }
      }
      #expect(abs(activity[channel] - sum / 630) < 1e-6)
    }
  }

  /// Pruned weights give what the network would from a value with zeroed channels.
  @Test func prunedWeightsHideTheChannels() throws {
    let data = try Problems.images(6)
    // Behind pooling and a linear layer, and behind grouped and depthwise convolutions.
    for groups in [1, 2, 4] {
      var builder = GraphBuilder([1, 6, 6], seed: 9)
      let value = builder.clamp(builder.convolution(0, 4))
      let window = FloatGraph.Window(
        kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2)
      let pooled = builder.add(.maxPool(.init(window: window)), [value], [4, 3, 3])
      let weights = builder.floats(4 * 4 / groups * 4, 1)
      let convolved = builder.add(
        .convolution(
          .init(
            weights: weights, bias: nil, outputChannels: 4,
            window: .init(kernelHeight: 2, kernelWidth: 2), groups: groups)), [pooled],
        [4, 2, 2])
      let flat = builder.add(.reshape, [convolved], [16])
      let side = builder.add(.reshape, [pooled], [36])
      builder.add(
        .add, [builder.linear(flat, 3), builder.linear(side, 3)], [3])
      let graph = builder.graph
      let pruned = try graph.weights(reading: [1, 3], of: value)
      var cleared = graph
      pruned.clear(&cleared)
      // The same with the channels' own weights at zero.
      var masked = graph
      var first = masked.nodes[0].operation.parameters
      for element in Array(9..<18) + Array(27..<36) { first[0][element] = 0 }
      masked.nodes[0].operation.parameters = first
      let expected = try FloatExecutor(graph: masked, threads: 1).run(data.images)
      let found = try FloatExecutor(graph: cleared, threads: 1).run(data.images)
      let whole = try FloatExecutor(graph: graph, threads: 1).run(data.images)
      #expect(found.values != whole.values)
      for (one, other) in zip(found.values, expected.values) { #expect(abs(one - other) < 1e-5) }
    }
  }

  @Test func prunedWeightsStayZeroAndNoOthersAre() throws {
    let graph = Problems.network()
    let data = try Problems.images(40)
    let result = try Baseline.finePruning.run(
      graph, on: data, settings: BaselineTests.settings(3), threads: 1)
    let value = graph.stageEnds[1]
    let activity = try FinePruning.activity(of: value, in: graph, on: data.images, threads: 1)
    let order = activity.indices.sorted { activity[$0] < activity[$1] }
    let expected = Set(order.prefix(2))
    guard let last = result.graph.nodes.last!.operation.as(FloatGraph.Linear.self) else {
      Issue.record("no classifier")
      return
    }
    for (index, weight) in last.weights.enumerated() {
      #expect((weight == 0) == expected.contains(index % 5))
    }
  }

  @Test func channelsThatOthersSeeUnweightedCannotBePruned() throws {
    var builder = GraphBuilder([1, 6, 6], seed: 1)
    let value = builder.clamp(builder.convolution(0, 3))
    builder.add(.add, [value, value], [3, 6, 6])
    #expect(throws: FineTuningError.self) { try builder.graph.weights(reading: [0], of: value) }
    builder.graph.output = value
    builder.graph.nodes.removeLast()
    #expect(throws: FineTuningError.self) { try builder.graph.weights(reading: [0], of: value) }
  }
}
