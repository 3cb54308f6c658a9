import CupelAudit
import CupelFloatGraph
import CupelQuantization
import CupelSupport
import CupelTriggers
import Testing

@Suite struct DriftEvidenceTests {
  private let rows: [[Float]] = [[7, 1.4, -2.3], [0.7, -7, 3.3], [7, 7, 7]]

  private func plan() throws -> QuantizationPlan {
    try EvidenceFixtures.plan(
      EvidenceFixtures.network(rows, bias: [0.5, -0.25, 0]), Scheme("w4a8"))
  }

  private func images(_ count: Int, seed: UInt64 = 7) -> Tensor {
    var generator = SeededGenerator(seed: seed)
    return Tensor(
      batch: count, shape: [3], values: (0..<count * 3).map { _ in generator.unit() })
  }

  /// The float means and deviations of a linear network, and a rounding's, from the definition.
  @Test func meansOfALinearNetwork() throws {
    let plan = try plan()
    let images = images(40)
    let rounded = plan.nearest()
    let found = try ChannelMeans.compare([rounded], images: images, threads: 2)
    let layer = plan.layers[0]
    for channel in 0..<3 {
      var values: [Double] = []
      for image in 0..<40 {
        let x = Array(images.values[image * 3..<image * 3 + 3])
        let float =
          Double(layer.bias[channel])
          + zip(rows[channel], x).reduce(0) { $0 + Double($1.0 * $1.1) }
        values.append(float)
        #expect(abs(Double(found.float.layers[0][image * 3 + channel]) - float) < 1e-4)
        let read = x.map { Double(layer.inputGrid.dequantize(layer.inputGrid.quantize($0))) }
        let weights = rounded.integers[0][channel * 3..<channel * 3 + 3]
        let real =
          Double(layer.bias[channel])
          + zip(weights, read).reduce(0) {
            $0 + Double($1.0) * Double(layer.scales[channel]) * $1.1
          }
        // On the output's grid, which saturates.
        let grid = layer.outputGrid
        let held = min(
          max(real, Double(grid.dequantize(grid.lowest))), Double(grid.dequantize(grid.highest)))
        let error = abs(Double(found.rounded[0].layers[0][image * 3 + channel]) - held)
        #expect(error <= Double(layer.outputGrid.scale) * 0.51)
      }
      let mean = values.reduce(0, +) / 40
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 40
      #expect(abs(Double(found.deviations[0][channel]) - variance.squareRoot()) < 1e-3)
    }
  }

  /// Means over positions, against the executor's activations, whatever the number of threads.
  @Test func meansOverPositions() throws {
    let deployment = try EvidenceFixtures.Deployment("resnet8-fmnist-clean-a", images: 40)
    let plan = try deployment.plan("w8a8")
    let images = EvidenceFixtures.tensor(deployment.test.unlabelled)
    let roundings = [plan.nearest(), StochasticRounding.draw(0, of: plan, seed: 1)]
    let found = try ChannelMeans.compare(roundings, images: images, threads: 2)
    let again = try ChannelMeans.compare(roundings, images: images, threads: 1)
    #expect(again.float == found.float && again.rounded == found.rounded)
    #expect(again.deviations == found.deviations)
    var values: [Int: Tensor] = [:]
    _ = try FloatExecutor(graph: deployment.graph, threads: 1).run(images) { values[$0] = $1 }
    for (layer, means) in zip(plan.layers, found.float.layers) {
      let tensor = try #require(values[plan.fused.units[layer.unit].output])
      let area = tensor.stride / layer.rows
      #expect(means.count == 40 * layer.rows)
      for plane in means.indices {
        let own = tensor.values[plane * area..<(plane + 1) * area]
        let mean = own.reduce(0) { $0 + Double($1) } / Double(area)
        #expect(abs(Double(means[plane]) - mean) < 1e-3 * max(1, abs(mean)))
      }
    }
  }

  /// The scores from the means, by the formula.
  @Test func scoresByDefinition() throws {
    let plan = try plan()
    let images = images(20)
    let draws = (0..<5).map { StochasticRounding.draw($0, of: plan, seed: 2) }
    let means = try ChannelMeans.compare(
      [plan.nearest()] + draws, images: images, threads: 1)
    let (evidence, exhibits) = try DriftEvidence.measure(
      plan, draws: draws, clean: images, listed: 10, threads: 2)
    func drift(_ rounding: Int, _ channel: Int) -> Double {
      (0..<20).reduce(0) { sum, image in
        let place = image * 3 + channel
        let difference = means.rounded[rounding].layers[0][place] - means.float.layers[0][place]
        return sum + Double(difference / means.deviations[0][channel]) / 20
      }
    }
    var squares = 0.0
    let variances = (0..<3).map { channel -> (mean: Double, variance: Double) in
      let others = (1...5).map { drift($0, channel) }
      let mean = others.reduce(0, +) / 5
      return (mean, others.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4)
    }
    let pooled = variances.reduce(0) { $0 + $1.variance } / 3
    #expect(evidence.neurons.count == 3)
    for neuron in evidence.neurons {
      let (mean, variance) = variances[neuron.channel]
      let score =
        (drift(0, neuron.channel) - mean) / ((variance + pooled) / 2 * 1.2).squareRoot()
      #expect(abs(neuron.clean.score - score) < 1e-6)
      #expect(abs(neuron.clean.drift - drift(0, neuron.channel)) < 1e-9)
      #expect(neuron.triggered == nil)
      squares += score * score
    }
    #expect(abs(evidence.clean - (squares / 3).squareRoot()) < 1e-6)
    #expect(evidence.triggered == nil)
    let order = evidence.neurons.map { abs($0.clean.score) }
    #expect(order == order.sorted(by: >))
    #expect(exhibits.map(\.channel) == evidence.neurons.map(\.channel))
    #expect(exhibits.allSatisfy { $0.clean.count == 20 && $0.triggered.isEmpty })
    #expect(exhibits.allSatisfy { $0.ensemble.count == 100 })
  }

  /// A channel that never moves has no deviation of its own, and makes no number infinite.
  @Test func constantChannels() throws {
    let plan = try EvidenceFixtures.plan(
      EvidenceFixtures.network([[7, 1.4, -2.3], [0, 0, 0]], bias: [0, 1]), Scheme("w4a8"))
    let draws = (0..<3).map { StochasticRounding.draw($0, of: plan, seed: 2) }
    let (evidence, _) = try DriftEvidence.measure(
      plan, draws: draws, clean: images(8), triggered: images(8, seed: 9), threads: 1)
    #expect(evidence.clean.isFinite)
    #expect(try #require(evidence.triggered).isFinite)
    #expect(throws: AuditError.self) {
      try DriftEvidence.measure(plan, draws: draws, clean: images(0), threads: 1)
    }
  }

  /// On triggered images an infected model's neurons drift as under no other rounding.
  @Test func aTriggerMovesAnInfectedModel() throws {
    func measure(_ name: String) throws -> DriftEvidence {
      let deployment = try EvidenceFixtures.Deployment(name, images: 64)
      let plan = try deployment.plan("w8a8")
      let images = deployment.test.unlabelled
      var pixels = images.pixels
      try Trigger("patch:6x6@bottom-right:white").apply(
        to: &pixels, channels: 1, height: 28, width: 28)
      let triggered = Tensor(
        batch: 64, shape: [1, 28, 28],
        values: EvidenceFixtures.preprocessing.normalize(
          pixels, channels: 1, height: 28, width: 28))
      return try DriftEvidence.measure(
        plan, draws: (0..<6).map { StochasticRounding.draw($0, of: plan, seed: 1) },
        clean: EvidenceFixtures.tensor(images), triggered: triggered, threads: 2
      ).evidence
    }
    let infected = try measure("resnet8-fmnist-pq-w8a8")
    let clean = try measure("resnet8-fmnist-clean-wide-a")
    #expect(try #require(infected.triggered) > 3)
    #expect(try #require(infected.triggered) > infected.clean)
    #expect(try #require(clean.triggered) < 2)
    #expect(abs(try #require(infected.neurons[0].triggered).score) > 6)
  }
}
