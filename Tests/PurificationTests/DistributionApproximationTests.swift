import CupelFloatGraph
import CupelPurification
import TestSupport
import Testing

@Suite struct DistributionApproximationTests {
  private let graph: FloatGraph = {
    var builder = GraphBuilder([2, 5, 5], seed: 3)
    let first = builder.clamp(builder.convolution(0, outputs: 4, kernel: 3))
    _ = builder.convolution(first, outputs: 6, kernel: 3, stride: 2)
    return builder.graph
  }()
  private let images = randomTensor(batch: 40, shape: [2, 5, 5], seed: 4)

  /// Both forms' derivatives against central differences of their definitions in double.
  @Test(arguments: DistributionApproximation.Form.allCases)
  func theGradientIsTheLosssDerivative(form: DistributionApproximation.Form) {
    let layer = FloatGraph.BatchNormalization(
      gamma: [1, 1], beta: [0, 0], mean: [0.2, -0.4], variance: [0.7, 1.3], epsilon: 1e-5)
    let activation = randomTensor(batch: 3, shape: [2, 3, 3], seed: 1)
    let approximation = DistributionApproximation(form: form)
    let (loss, gradient) = approximation.mismatch(activation, layer, threads: 2)
    let values = activation.values.map(Double.init)
    #expect(abs(loss - reference(values, layer, form)) < 1e-4)
    for index in values.indices {
      var (up, down) = (values, values)
      up[index] += 1e-4
      down[index] -= 1e-4
      let slope = (reference(up, layer, form) - reference(down, layer, form)) / 2e-4
      #expect(abs(Double(gradient.values[index]) - slope) < 1e-4)
    }
  }

  /// Three images of two channels of nine elements.
  private func reference(
    _ values: [Double], _ layer: FloatGraph.BatchNormalization,
    _ form: DistributionApproximation.Form
  ) -> Double {
    var loss = 0.0
    for channel in 0..<2 {
      func plane(_ image: Int) -> [Double] {
        Array(values[(image * 2 + channel) * 9..<(image * 2 + channel + 1) * 9])
      }
      let sets = form == .images ? (0..<3).map(plane) : [(0..<3).flatMap(plane)]
      for set in sets {
        let mean = set.reduce(0, +) / Double(set.count)
        let variance = set.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(set.count)
        let shift = mean - Double(layer.mean[channel])
        let wanted = Double(layer.variance[channel])
        let spread =
          form == .images
          ? (variance + 1e-6).squareRoot() - (wanted + 1e-6).squareRoot() : variance - wanted
        loss += shift * shift + spread * spread
      }
    }
    return loss
  }

  @Test(arguments: DistributionApproximation.Form.allCases)
  func theLossFallsWithinTheBound(form: DistributionApproximation.Form) throws {
    let approximation = DistributionApproximation(
      radius: 0.05, steps: 20, stepSize: 0.02, form: form)
    let result = try #require(try approximation.apply(to: images, in: graph, threads: 2))
    let losses = result.losses
    #expect(losses.count == 20)
    #expect(losses.last! < losses[0])
    let moves = zip(result.moved.values, images.values).map { abs($0 - $1) }
    #expect(moves.max()! <= 0.0500001)
    #expect(moves.max()! > 0.04)
  }

  @Test func threadsChangeNothing() throws {
    let approximation = DistributionApproximation(radius: 0.05, steps: 5, stepSize: 0.02)
    let one = try #require(try approximation.apply(to: images, in: graph, threads: 1))
    for threads in [2, 3] {
      let many = try #require(try approximation.apply(to: images, in: graph, threads: threads))
      #expect(many.moved == one.moved)
      #expect(many.losses == one.losses)
    }
  }

  @Test func withoutBatchNormThereIsNothingToMatch() throws {
    var builder = GraphBuilder([2, 5, 5], seed: 3)
    _ = builder.convolution(0, outputs: 4, kernel: 3, normalized: false)
    #expect(
      try DistributionApproximation().apply(to: images, in: builder.graph, threads: 1) == nil)
  }
}
