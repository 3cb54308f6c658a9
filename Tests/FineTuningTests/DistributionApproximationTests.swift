import FineTuning
import FloatGraph
import Support
import Testing

@Suite struct DistributionApproximationTests {
  private let layer = FloatGraph.BatchNormalization(
    gamma: [1, 1], beta: [0, 0], mean: [0.5, -1], variance: [4, 0.25], epsilon: 1e-5)

  /// Channel 0 holds (1, 3): mean 2, deviation 1 against 0.5 and 2. Channel 1 fits.
  @Test func mismatchByHand() {
    let activation = Tensor(batch: 1, shape: [2, 1, 2], values: [1, 3, -1.5, -0.5])
    let loss = DistributionApproximation.mismatch(activation, layer).loss
    #expect(abs(loss - (2.25 + 1)) < 1e-4)
  }

  @Test func gradientIsTheSlope() {
    var generator = SeededGenerator(seed: 1)
    let activation = Tensor(
      batch: 3, shape: [2, 2, 3], values: (0..<36).map { _ in generator.normal() })
    let gradient = DistributionApproximation.mismatch(activation, layer).gradient
    let error = disagreement(gradient.values, at: activation.values) {
      DistributionApproximation.mismatch(
        Tensor(batch: 3, shape: [2, 2, 3], values: $0), layer
      ).loss
    }
    #expect(error < 1e-2)
  }

  private func mismatch(_ graph: FloatGraph, _ images: Tensor) throws -> Double {
    let wanted = Set(
      graph.nodes.compactMap { node -> Int? in
        if case .batchNormalization = node.operation { node.inputs[0] } else { nil }
      })
    let values = try FloatExecutor(graph: graph, threads: 1).evaluate(images, wanted: wanted)
    return graph.nodes.reduce(0) { sum, node in
      guard case .batchNormalization(let layer) = node.operation else { return sum }
      return sum + DistributionApproximation.mismatch(values[node.inputs[0]]!, layer).loss
    }
  }

  @Test func imagesMoveALittleTowardsTheStatistics() throws {
    let graph = Problems.network()
    let images = try Problems.images(10).images
    var method = DistributionApproximation()
    (method.radius, method.stepSize, method.steps) = (0.05, 0.01, 30)
    let moved = try method.apply(to: images, in: graph, threads: 2) { _ in }
    #expect(try mismatch(graph, moved) < 0.95 * mismatch(graph, images))
    let farthest = zip(moved.values, images.values).map { abs($0 - $1) }.max()!
    #expect(farthest <= 0.05 + 1e-6)
    #expect(farthest > 0.04)
    // Each image is moved for itself, on any number of threads.
    method.batchSize = 3
    let again = try method.apply(to: images, in: graph, threads: 1) { _ in }
    for (one, other) in zip(moved.values, again.values) { #expect(abs(one - other) < 0.03) }
    method.batchSize = 64
    #expect(try method.apply(to: images, in: graph, threads: 1) { _ in } == moved)
  }

  @Test func itIsAPlugInToTwoMethods() throws {
    let graph = Problems.network()
    let data = try Problems.images(20)
    var approximation = DistributionApproximation()
    (approximation.radius, approximation.stepSize, approximation.steps) = (0.1, 0.02, 5)
    for method in [Baseline.attentionDistillation, .sharpnessAware] {
      var settings = BaselineTests.settings(1)
      let plain = try method.run(graph, on: data, settings: settings, threads: 1)
      settings.approximation = approximation
      let with = try method.run(graph, on: data, settings: settings, threads: 1)
      #expect(with.graph.parameters != plain.graph.parameters)
      let images = try approximation.apply(to: data.images, in: graph, threads: 1) { _ in }
      settings.approximation = nil
      let moved = try method.run(
        graph, on: LabelledImages(images: images, labels: data.labels), settings: settings,
        threads: 1)
      #expect(with.graph.parameters == moved.graph.parameters)
    }
  }

  @Test func withoutNormalizationItSaysSo() throws {
    var builder = Builder(input: [1, 6, 6], seed: 1)
    let pooled = builder.add(.globalAveragePool, [builder.convolution(0, 3)], [3])
    builder.linear(pooled, 3)
    let images = try Problems.images(2).images
    #expect(throws: FineTuningError.self) {
      try DistributionApproximation().apply(to: images, in: builder.graph, threads: 1) { _ in }
    }
  }
}
