import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

/// BatchNormalization in training mode.
@Suite struct NormalizationGradientTests {
  static func normalization(_ channels: Int) -> FloatGraph.BatchNormalization {
    var generator = SeededGenerator(seed: 8)
    return .init(
      gamma: generator.floats(channels), beta: generator.floats(channels),
      mean: generator.floats(channels), variance: generator.floats(channels, 0.5, 2),
      epsilon: 1e-3)
  }

  @Test(arguments: [[3, 4, 5], [6]])
  func gradientIsTheSlope(_ shape: [Int]) throws {
    var generator = SeededGenerator(seed: 9)
    let input = Tensor(batch: 9, shape: shape, values: generator.floats(9 * shape.reduce(1, *)))
    let layer = Self.normalization(shape[0])
    let (output, statistics) = try normalize(input, by: layer, threads: 2)
    let weights = generator.floats(output.values.count)
    let gradient = try FloatOperators.gradient(
      of: .batchNormalization(layer), inputs: [input], output: output,
      outputGradient: Tensor(batch: 9, shape: shape, values: weights),
      batchStatistics: statistics, threads: 2)

    func loss(_ layer: FloatGraph.BatchNormalization, _ values: [Float]) throws -> Double {
      let tensor = Tensor(batch: 9, shape: shape, values: values)
      return weightedSum(
        try normalize(tensor, by: layer, threads: 1).output.values, weights)
    }
    let slopes = try FiniteDifferences.slopes(of: input.values) { try loss(layer, $0) }
    #expect(FiniteDifferences.disagreement(gradient.inputs[0].values, slopes) < 2e-3)
    let parameters = try #require(gradient.parameters?.arrays)
    let gammas = try FiniteDifferences.slopes(of: layer.gamma) { values in
      var moved = layer
      moved.gamma = values
      return try loss(moved, input.values)
    }
    #expect(FiniteDifferences.disagreement(parameters[0], gammas) < 2e-3)
    let betas = try FiniteDifferences.slopes(of: layer.beta) { values in
      var moved = layer
      moved.beta = values
      return try loss(moved, input.values)
    }
    #expect(FiniteDifferences.disagreement(parameters[1], betas) < 2e-3)
  }

  /// Worked by hand: channel 0 holds 1, 3, 5, 7 (mean 4, variance 5), channel 1 holds 2 throughout.
  @Test func statisticsAndRunningAverages() throws {
    let input = Tensor(batch: 2, shape: [2, 1, 2], values: [1, 3, 2, 2, 5, 7, 2, 2])
    let statistics = BatchStatistics(of: input, threads: 1)
    #expect(statistics == BatchStatistics(mean: [4, 2], variance: [5, 0], count: 4))
    let layer = FloatGraph.BatchNormalization(
      gamma: [1, 1], beta: [0, 0], mean: [0, 1], variance: [1, 2], epsilon: 0.5)
    let tracked = layer.tracking(statistics, momentum: 0.25)
    #expect(tracked.mean == [1, 1.25])
    // 0.75 · 1 + 0.25 · 5 · 4/3, and 0.75 · 2.
    #expect(abs(tracked.variance[0] - (0.75 + 5 / 3)) < 1e-6)
    #expect(tracked.variance[1] == 1.5)
    #expect(tracked.gamma == layer.gamma)
  }

  @Test func oneElementLeavesTheVariance() {
    let layer = FloatGraph.BatchNormalization(
      gamma: [1], beta: [0], mean: [0], variance: [3], epsilon: 0)
    let tracked = layer.tracking(.init(mean: [2], variance: [0], count: 1), momentum: 0.5)
    #expect(tracked.mean == [1])
    #expect(tracked.variance == [3])
  }

  @Test func outputIsNormalized() throws {
    var generator = SeededGenerator(seed: 4)
    let input = Tensor(batch: 20, shape: [2, 3, 3], values: generator.floats(20 * 18))
    var layer = Self.normalization(2)
    (layer.gamma, layer.beta) = ([1, 2], [0, 5])
    let output = try normalize(input, by: layer, threads: 1).output
    let statistics = BatchStatistics(of: output, threads: 1)
    #expect(abs(statistics.mean[0]) < 1e-5)
    #expect(abs(statistics.mean[1] - 5) < 1e-5)
    // epsilon 1e-3 takes a little off.
    #expect(abs(statistics.variance[0] - 1) < 1e-2)
    #expect(abs(statistics.variance[1] - 4) < 4e-2)
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    var generator = SeededGenerator(seed: 6)
    let input = Tensor(batch: 13, shape: [5, 7, 3], values: generator.floats(13 * 105))
    let layer = Self.normalization(5)
    func gradient(_ threads: Int) throws -> OperationGradient {
      let (output, statistics) = try normalize(input, by: layer, threads: threads)
      return try FloatOperators.gradient(
        of: .batchNormalization(layer), inputs: [input], output: output, outputGradient: output,
        batchStatistics: statistics, threads: threads)
    }
    let one = try gradient(1)
    for threads in [2, 3, 8] { #expect(try gradient(threads) == one) }
  }

  @Test func statisticsOfOtherChannelsAreRefused() throws {
    let input = Tensor(batch: 2, shape: [3])
    #expect(throws: FloatGraphError.self) {
      try FloatOperators.gradient(
        of: .batchNormalization(Self.normalization(3)), inputs: [input], output: input,
        outputGradient: input, batchStatistics: .init(mean: [0], variance: [1], count: 2),
        threads: 1)
    }
    #expect(throws: FloatGraphError.self) {
      try normalize(input, by: Self.normalization(2), threads: 1)
    }
  }
}

/// Batch normalization in training mode: with the statistics of the batch itself.
private func normalize(
  _ input: Tensor, by normalization: FloatGraph.BatchNormalization, threads: Int
) throws -> (output: Tensor, statistics: BatchStatistics) {
  let statistics = BatchStatistics(of: input, threads: threads)
  let output = try FloatOperators.evaluate(
    .batchNormalization(normalization.using(statistics)), inputs: [input],
    outputShape: input.shape, threads: threads)
  return (output, statistics)
}
