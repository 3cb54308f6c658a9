import CupelFloatGraph
import CupelPurification
import CupelQuantization
import CupelSupport
import Foundation
import Testing

@Suite struct RelaxationTests {
  /// A linear layer of three rows of five weights, some of them beyond the grid's limits.
  private struct Setting {
    let layer: WeightedLayer
    let quantized, float: Tensor

    init(seed: UInt64) throws {
      let weights = randomTensor(batch: 1, shape: [15], seed: seed).values
      layer = try WeightedLayer.linear(
        weights: weights, scales: [0.21, 0.13, 0.3], limits: -3...3)
      quantized = randomTensor(batch: 7, shape: [5], seed: seed + 1)
      float = randomTensor(batch: 7, shape: [5], seed: seed + 2)
    }

    func relaxation() throws -> Relaxation {
      let problem = try RoundingProblem(
        layer: layer, operation: layer.linearOperation, quantized: quantized, float: float,
        batching: .whole, threads: 1)
      return Relaxation(problem, rows: 0..<3)
    }

    /// EFRAP's loss as the paper and its code define it, from the activations themselves, in
    /// double; up to the constant of the reconstruction term.
    func loss(_ v: [Double], regularisation: Double) -> Double {
      var loss = 0.0
      var rounded: [Double] = []
      for (index, logit) in v.enumerated() {
        let scale = Double(layer.scales[index / 5])
        let scaled = Double(layer.weights[index]) / scale
        let h = 1 / (1 + exp(-logit))
        rounded.append(scale * min(max(scaled.rounded(.down) + h, -3), 3))
        let nearest = min(max(scaled.rounded(), -3), 3)
        let side = scaled - scaled.rounded(.down) > 0.5 ? 1.0 : 0
        let wanted = 1 - side
        let entropy = -(wanted * log(h) + (1 - wanted) * log(1 - h))
        loss += abs(scaled - nearest) * scale * entropy
        loss += regularisation * (1 - (2 * h - 1) * (2 * h - 1))
      }
      for image in 0..<7 {
        for row in 0..<3 {
          var difference = 0.0
          for column in 0..<5 {
            difference += rounded[row * 5 + column] * Double(quantized.values[image * 5 + column])
            difference -=
              Double(layer.weights[row * 5 + column]) * Double(float.values[image * 5 + column])
          }
          loss += difference * difference / 7
        }
      }
      return loss
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5]) func theGradientIsTheLosssDerivative(seed: UInt64) throws {
    let setting = try Setting(seed: seed)
    var relaxation = try setting.relaxation()
    var generator = SeededGenerator(seed: seed)
    let logits = (0..<15).map { _ in generator.uniform(-3, 3) }
    relaxation.logits = logits
    for regularisation in [0, 0.01, 0.5] as [Float] {
      let gradient = relaxation.gradient(batch: 0, regularisation: regularisation)
      for index in 0..<15 {
        let step = 1e-5
        var (up, down) = (logits.map(Double.init), logits.map(Double.init))
        up[index] += step
        down[index] -= step
        let difference =
          setting.loss(up, regularisation: Double(regularisation))
          - setting.loss(down, regularisation: Double(regularisation))
        let expected = difference / (2 * step)
        #expect(abs(Double(gradient[index]) - expected) < 1e-5 + 1e-4 * abs(expected))
      }
    }
  }

  /// σ(V) begins as each weight's place between its two integers.
  @Test func itBeginsAtTheWeights() throws {
    let setting = try Setting(seed: 9)
    let logits = try setting.relaxation().logits
    for (index, logit) in logits.enumerated() {
      let scaled = setting.layer.weights[index] / setting.layer.scales[index / 5]
      let fraction = scaled - scaled.rounded(.down)
      #expect(abs(1 / (1 + exp(-logit)) - fraction) < 1e-5)
    }
    // Rounding what one began with is rounding to nearest.
    #expect(try setting.relaxation().decision == setting.layer.nearest())
  }

  /// Adam's first step is the learning rate against the gradient's sign, whatever its size.
  @Test func theFirstStepFollowsTheSign() throws {
    let setting = try Setting(seed: 4)
    var relaxation = try setting.relaxation()
    let before = relaxation.logits
    let gradient = relaxation.gradient(batch: 0, regularisation: 0.01)
    relaxation.step(1, batch: 0, learningRate: 0.125, regularisation: 0.01)
    for (index, after) in relaxation.logits.enumerated() where abs(gradient[index]) > 1e-4 {
      let moved = after - before[index]
      #expect(abs(moved + (gradient[index] > 0 ? 0.125 : -0.125)) < 1e-4)
    }
  }

  /// Three steps of Adam (Kingma and Ba 2015, algorithm 1) in double.
  @Test func stepsAreAdams() throws {
    let setting = try Setting(seed: 6)
    var relaxation = try setting.relaxation()
    var probe = try setting.relaxation()
    var (first, second) = ([Double](repeating: 0, count: 15), [Double](repeating: 0, count: 15))
    for step in 1...3 {
      let before = relaxation.logits
      probe.logits = before
      let gradient = probe.gradient(batch: 0, regularisation: 0.01)
      relaxation.step(step, batch: 0, learningRate: 0.05, regularisation: 0.01)
      let after = relaxation.logits
      for index in 0..<15 {
        let g = Double(gradient[index])
        first[index] = 0.9 * first[index] + 0.1 * g
        second[index] = 0.999 * second[index] + 0.001 * g * g
        let numerator = first[index] / (1 - pow(0.9, Double(step)))
        let denominator = (second[index] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8
        let expected = Double(before[index]) - 0.05 * numerator / denominator
        #expect(abs(Double(after[index]) - expected) < 1e-4)
      }
    }
  }
}
