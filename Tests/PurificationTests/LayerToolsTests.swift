import CupelFloatGraph
import CupelPurification
import CupelQuantization
import Foundation
import Testing

/// LAC's offsets, QVec's rounding, bias correction and scale fitting: each on one linear layer.
@Suite struct LayerToolsTests {
  private func problem(
    _ layer: WeightedLayer, inputs: Tensor, batching: RoundingProblem.Batching = .whole,
    centered: Bool = false
  ) throws -> RoundingProblem {
    try RoundingProblem(
      layer: layer, operation: layer.linearOperation, quantized: inputs, float: inputs,
      batching: batching, centered: centered, threads: 1)
  }

  private func correlated(_ images: Int, seed: UInt64) -> Tensor {
    var inputs = randomTensor(batch: images, shape: [6], seed: seed, low: 0, high: 2)
    for image in 0..<images {
      for feature in 1..<6 { inputs.values[image * 6 + feature] += inputs.values[image * 6] }
    }
    return inputs
  }

  // MARK: - LAC

  /// Where nearest rounding errs in the same direction everywhere, offsets push enough weights over
  /// their borders to make up for it.
  @Test func offsetsBeginAtNearestAndLowerTheError() throws {
    let weights = (0..<24).map { 0.4 + 0.003 * Float($0) }
    let layer = try WeightedLayer.linear(
      weights: weights, scales: [1, 1, 1, 1], limits: -7...7)
    let inputs = randomTensor(batch: 96, shape: [6], seed: 2, low: 0.9, high: 1.1)
    let problem = try problem(layer, inputs: inputs, batching: .batches(of: 32))
    func solved(_ iterations: Int) throws -> [Int8] {
      try LAC(iterations: iterations).solve(problem, threads: 2) { _ in }
    }
    #expect(try solved(0) == layer.nearest())
    func error(_ integers: [Int8]) -> Float { problem.errors(integers, threads: 1).reduce(0, +) }
    #expect(try error(solved(3000)) < 0.5 * error(layer.nearest()))
  }

  /// Adam's first step is as long as the learning rate, whatever the gradient: a weight closer than
  /// that to a cell's border crosses it where the error falls, and no other does. Folding's factor
  /// lengthens it.
  @Test func aStepIsOneThousandthInUnfoldedUnits() throws {
    // One weight, 0.0005 below the border at 0.5; the target wants more.
    var layer = try WeightedLayer.linear(weights: [0.4995], scales: [1], limits: -7...7)
    let ones = Tensor(batch: 1, shape: [1], values: [1])
    func solved(factor: Float) throws -> Int8 {
      try LAC(iterations: 1, foldedFactors: [factor]).solve(
        try problem(layer, inputs: ones), threads: 1
      ) { _ in }[0]
    }
    #expect(try solved(factor: 1) == 1)
    #expect(try solved(factor: 0.4) == 0)
    layer.weights = [0.4985]
    #expect(try solved(factor: 1) == 0)
    #expect(try solved(factor: 2) == 1)
  }

  // MARK: - QVec

  /// A weight flips just where its truncation error exceeds s / (2 + 2λ).
  @Test(arguments: [0, 0.25, 0.5, 1, 1.9] as [Float]) func againstFlipsTheFarthest(amount: Float)
    throws
  {
    let weights = (-40...40).map { Float($0) * 0.07 + 0.013 }
    let layer = try WeightedLayer.linear(weights: weights, scales: [0.5], limits: -127...127)
    let nearest = layer.nearest()
    let moved = layer.rounded(against: amount)
    for (index, weight) in weights.enumerated() {
      let gap = weight / 0.5 - Float(nearest[index])
      let threshold = 1 / (2 + 2 * amount)
      guard abs(abs(gap) - threshold) > 1e-4 else { continue }
      let expected = abs(gap) > threshold ? nearest[index] + (gap > 0 ? 1 : -1) : nearest[index]
      #expect(moved[index] == expected, "\(weight)")
    }
  }

  // MARK: - Bias correction

  /// With the corrected bias the rounded layer's mean output is the float layer's.
  @Test func theMeanOutputIsTheFloatLayers() throws {
    let layer = try WeightedLayer.linear(
      weights: randomTensor(batch: 1, shape: [18], seed: 5).values, scales: [0.4, 0.3, 0.5],
      limits: -7...7)
    let inputs = correlated(40, seed: 6)
    let problem = try problem(layer, inputs: inputs, centered: true)
    let integers = layer.nearest()
    let corrected = BiasCorrection.corrected(problem, integers)
    let rounded = layer.dequantize(integers)
    for row in 0..<3 {
      var difference = 0.0
      for image in 0..<40 {
        for column in 0..<6 {
          let place = row * 6 + column
          difference +=
            Double(rounded[place] - layer.weights[place])
            * Double(inputs.values[image * 6 + column])
        }
      }
      let change = Double(corrected.bias[row] - layer.bias[row])
      #expect(abs(change + difference / 40) < 1e-5)
    }
  }

  /// A bias that the accumulator could not hold is left as it was.
  @Test func aBiasBeyondTheAccumulatorStays() throws {
    var layer = try WeightedLayer.linear(weights: [0.4], scales: [1], limits: -7...7)
    let inputs = Tensor(batch: 1, shape: [1], values: [1])
    layer.bias = [Float(0x1p30 * Double(layer.inputGrid.scale))]
    #expect(layer.canHold(bias: layer.bias[0], inRow: 0))
    #expect(BiasCorrection.corrected(try problem(layer, inputs: inputs), [-7]).bias == layer.bias)
  }

  // MARK: - Scales

  /// An outlier on an input that is never lit is cut off; one that matters is kept.
  @Test func anIdleOutlierIsCutOff() throws {
    var weights = randomTensor(batch: 1, shape: [120], seed: 7, low: -0.3, high: 0.3).values
    (weights[0], weights[60 + 1]) = (1.5, 1.5)
    let layer = try WeightedLayer.linear(
      weights: weights, scales: [1.5 / 7, 1.5 / 7], limits: -7...7)
    var inputs = randomTensor(batch: 400, shape: [60], seed: 8)
    for image in 0..<400 { inputs.values[image * 60] = 0 }
    let fitted = ScaleFit.fitted(
      try problem(layer, inputs: inputs), granularity: .perChannel, threads: 1)
    #expect(fitted.scales[0] < 0.7 * layer.scales[0])
    #expect(fitted.scales[1] > 0.8 * layer.scales[1])
    #expect(fitted.weights == layer.weights)
  }

  @Test func perTensorScalesStayEqual() throws {
    let layer = try WeightedLayer.linear(
      weights: randomTensor(batch: 1, shape: [24], seed: 3).values,
      scales: [0.3, 0.3, 0.3, 0.3], limits: -7...7)
    let fitted = ScaleFit.fitted(
      try problem(layer, inputs: correlated(30, seed: 4)), granularity: .perTensor, threads: 2)
    #expect(Set(fitted.scales).count == 1)
    #expect(fitted.scales[0] <= 0.3)
  }

  /// The fitted scales' nearest rounding is never worse than the first scales'.
  @Test(arguments: [1, 2, 3, 4]) func fittingNeverLosesToMinMax(seed: UInt64) throws {
    let weights = randomTensor(batch: 1, shape: [30], seed: seed).values
    let layer = try WeightedLayer.linear(
      weights: weights,
      scales: (0..<5).map { row in
        weights[row * 6..<row * 6 + 6].map(abs).max()! / 7
      }, limits: -7...7)
    var problem = try problem(layer, inputs: correlated(50, seed: seed + 9))
    let before = problem.errors(layer.nearest(), threads: 1)
    problem.layer = ScaleFit.fitted(problem, granularity: .perChannel, threads: 1)
    let after = problem.errors(problem.layer.nearest(), threads: 1)
    #expect(after.reduce(0, +) < before.reduce(0, +))
  }

  // MARK: - Drift

  @Test func driftIsTheDivergence() {
    // Probabilities 0.5, 0.25, 0.25 against 0.25, 0.5, 0.25, and two that are equal.
    let float = Tensor(batch: 2, shape: [3], values: [log(2), 0, 0, 5, 1, 1])
    let quantized = Tensor(batch: 2, shape: [3], values: [0, log(2), 0, 6, 2, 2])
    let drift = Drift(float: float, quantized: quantized)
    let expected = (0.5 * log(2.0) - 0.25 * log(2.0)) / 2
    #expect(abs(drift.divergence - expected) < 1e-6)
    #expect(drift.agreement == 0.5)
  }
}
