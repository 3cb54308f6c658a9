import CupelFloatGraph
import CupelPurification
import CupelQuantization
import CupelSupport
import Testing

@Suite struct EFRAPTests {
  private func problem(
    _ layer: WeightedLayer, quantized: Tensor, float: Tensor
  ) throws -> RoundingProblem {
    try RoundingProblem(
      layer: layer, operation: layer.linearOperation, quantized: quantized, float: float,
      batching: .batches(of: 32), threads: 2)
  }

  private func solve(_ solver: EFRAP, _ problem: RoundingProblem, threads: Int = 2) throws -> [Int8]
  {
    try solver.solve(problem, threads: threads) { _ in }
  }

  /// Mean over images of ‖Ŵq − Wf‖², from the activations.
  private func error(
    _ integers: [Int8], _ layer: WeightedLayer, _ quantized: Tensor, _ float: Tensor
  ) -> Double {
    let rounded = layer.dequantize(integers)
    var sum = 0.0
    for image in 0..<quantized.batch {
      for row in 0..<layer.rows {
        var difference = 0.0
        for column in 0..<layer.columns {
          let place = row * layer.columns + column
          difference +=
            Double(rounded[place]) * Double(quantized.values[image * layer.columns + column])
            - Double(layer.weights[place]) * Double(float.values[image * layer.columns + column])
        }
        sum += difference * difference
      }
    }
    return sum / Double(quantized.batch)
  }

  /// With activations so large that error guidance does not count, and a regulariser of their size,
  /// two rows of six weights come out near the best of all 2 · 2⁶ roundings: never worse than
  /// nearest, and with less than a third of what nearest loses against the best.
  @Test func reconstructionComesNearTheOptimum() throws {
    var solver = EFRAP(iterations: 10_000)
    solver.regularisation = 10_000
    var (excess, range) = (0.0, 0.0)
    for seed in 1...20 as ClosedRange<UInt64> {
      let layer = try WeightedLayer.linear(
        weights: randomTensor(batch: 1, shape: [12], seed: seed).values, scales: [0.3, 0.3],
        limits: -7...7)
      // Correlated features, as in images: nearest rounding is then far from the best.
      var inputs = randomTensor(batch: 24, shape: [6], seed: seed + 100, low: 0, high: 1000)
      for image in 0..<24 {
        for feature in 1..<6 { inputs.values[image * 6 + feature] += inputs.values[image * 6] }
      }
      let solved = error(
        try solve(solver, try problem(layer, quantized: inputs, float: inputs)), layer, inputs,
        inputs)
      let nearest = error(layer.nearest(), layer, inputs, inputs)
      let best = bestError(layer, inputs)
      #expect(solved >= best * (1 - 1e-9))
      #expect(solved <= nearest * (1 + 1e-9), "seed \(seed)")
      excess += solved - best
      range += nearest - best
    }
    #expect(excess < 0.33 * range, "\(excess / range) of nearest rounding's excess is left")
  }

  /// Over every choice of floor or ceiling; rows are independent.
  private func bestError(_ layer: WeightedLayer, _ activations: Tensor) -> Double {
    var best = 0.0
    for row in 0..<layer.rows {
      var single = layer
      single.rows = 1
      single.weights = Array(layer.weights[row * layer.columns..<(row + 1) * layer.columns])
      single.scales = [layer.scales[row]]
      single.factors = [1]
      let floors = single.weights.map { Int8(($0 / layer.scales[row]).rounded(.down)) }
      best += (0..<1 << layer.columns).map { choice in
        let integers = floors.enumerated().map { $1 + Int8(choice >> $0 & 1) }
        return error(integers, single, activations, activations)
      }.min()!
    }
    return best
  }

  /// Activations of zero leave the error-guided term alone: every weight goes to the side that
  /// nearest rounding does not take.
  @Test func errorGuidanceAloneFlipsEveryWeight() throws {
    var generator = SeededGenerator(seed: 5)
    // Everywhere between the integers, but for the outermost 5 %.
    let weights = (0..<48).map { _ in
      Float(generator.integer(in: -6...5)) + generator.uniform(0.05, 0.95)
    }
    let layer = try WeightedLayer.linear(
      weights: weights, scales: [1, 1, 1, 1], limits: -7...7)
    let zero = Tensor(batch: 4, shape: [12])
    let solved = try solve(
      EFRAP(iterations: 10_000), try problem(layer, quantized: zero, float: zero))
    let nearest = layer.nearest()
    for (index, integer) in solved.enumerated() {
      let floor = Int8(weights[index].rounded(.down))
      #expect(integer == (nearest[index] == floor ? floor + 1 : floor), "\(weights[index])")
    }
  }

  /// A weight on the grid has no truncation error: where the prefix is exact, nothing moves it.
  @Test func weightsOnTheGridStay() throws {
    let integers = (0..<24).map { Int8($0 % 15 - 7) }
    let layer = try WeightedLayer.linear(
      weights: integers.map { Float($0) * 0.25 }, scales: [0.25, 0.25], limits: -7...7)
    let inputs = randomTensor(batch: 20, shape: [12], seed: 1)
    let problem = try problem(layer, quantized: inputs, float: inputs)
    #expect(try solve(EFRAP(), problem) == integers)
  }

  /// Floor or ceiling, clamped to the grid, whatever the weights: some lie beyond the limits.
  @Test(arguments: [-7...7, -8...7, -127...127, -1...1])
  func decisionsAreFloorOrCeiling(limits: ClosedRange<Int>) throws {
    let weights = randomTensor(batch: 1, shape: [200], seed: 8, low: -12, high: 12).values
    let layer = try WeightedLayer.linear(
      weights: weights, scales: [Float](repeating: 1, count: 40), limits: limits)
    let quantized = randomTensor(batch: 80, shape: [5], seed: 9)
    let problem = try problem(layer, quantized: quantized, float: quantized)
    for iterations in [0, 1, 500] {
      let solved = try solve(EFRAP(iterations: iterations), problem)
      #expect(solved.count == 200)
      for (weight, integer) in zip(weights, solved) {
        let sides = [weight.rounded(.down), weight.rounded(.up)].map {
          min(max(Int($0), limits.lowerBound), limits.upperBound)
        }
        #expect(sides.contains(Int(integer)))
      }
    }
  }

  /// The batches' order comes from the seed, the layer and nothing else.
  @Test func threadsChangeNothingAndSeedsDo() throws {
    let weights = randomTensor(batch: 1, shape: [900], seed: 3).values
    let layer = try WeightedLayer.linear(
      weights: weights, scales: [Float](repeating: 0.2, count: 90), limits: -7...7)
    let quantized = randomTensor(batch: 100, shape: [10], seed: 4)
    let float = randomTensor(batch: 100, shape: [10], seed: 5)
    let problem = try problem(layer, quantized: quantized, float: float)
    let solver = EFRAP(iterations: 400, seed: 11)
    let one = try solve(solver, problem, threads: 1)
    for threads in [2, 3, 7] { #expect(try solve(solver, problem, threads: threads) == one) }
    #expect(try solve(EFRAP(iterations: 400, seed: 12), problem) != one)
  }

  @Test func progressEndsAtOne() throws {
    let layer = try WeightedLayer.linear(weights: [0.3, -0.4], scales: [0.25], limits: -7...7)
    let tensor = randomTensor(batch: 2, shape: [2], seed: 1)
    let seen = Recorder<Double>()
    _ = try EFRAP(iterations: 500).solve(
      try problem(layer, quantized: tensor, float: tensor), threads: 1
    ) { seen.append($0) }
    #expect(seen.all == [0.2, 0.4, 0.6, 0.8, 1])
  }
}
