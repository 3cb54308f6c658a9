import CupelFloatGraph
import CupelPurification
import CupelQuantization
import CupelSupport
import Testing

@Suite struct CoordinateDescentTests {
  /// Two rows of five weights on a coarse grid, read with correlated inputs.
  private func problem(seed: UInt64, limits: ClosedRange<Int> = -2...2) throws -> RoundingProblem {
    let layer = try WeightedLayer.linear(
      weights: randomTensor(batch: 1, shape: [10], seed: seed).values, scales: [0.5, 0.4],
      limits: limits)
    var inputs = randomTensor(batch: 30, shape: [5], seed: seed + 50)
    for image in 0..<30 {
      for feature in 1..<5 { inputs.values[image * 5 + feature] += inputs.values[image * 5] }
    }
    return try RoundingProblem(
      layer: layer, operation: layer.linearOperation, quantized: inputs, float: inputs,
      batching: .whole, threads: 1)
  }

  private func solve(_ descent: CoordinateDescent, _ problem: RoundingProblem) throws -> [Int8] {
    try descent.solve(problem, threads: 1) { _ in }
  }

  /// The objective from its definition, in double: a row at a time.
  private func objective(
    _ problem: RoundingProblem, _ integers: [Int8], row: Int, flipWeight: Float
  ) -> Double {
    let (layer, moments, k) = (problem.layer, problem.total, problem.layer.columns)
    let nearest = layer.nearest()
    let scale = Double(layer.scales[row])
    func real(_ column: Int) -> Double { Double(integers[row * k + column]) * scale }
    var trace = 0.0
    for column in 0..<k { trace += Double(moments.gram[column * (k + 1)]) }
    var sum = Double(moments.energy[row])
    for i in 0..<k {
      for j in 0..<k { sum += real(i) * Double(moments.gram[i * k + j]) * real(j) }
      sum -= 2 * real(i) * Double(moments.target[row * k + i])
      let distance = real(i) - Double(layer.weights[row * k + i])
      sum += Double(CoordinateDescent.damping) * trace / Double(k) * distance * distance
    }
    guard flipWeight > 0 else { return sum }
    let error = problem.errors(nearest, threads: 1).reduce(0) { $0 + Double($1) }
    var truncation = 0.0
    var staying = 0.0
    // A weight beyond the grid has no other side to go to.
    for index in nearest.indices
    where (-2...2).contains(layer.weights[index] / layer.scales[index / k]) {
      let gap = abs(
        Double(layer.weights[index]) - Double(nearest[index]) * Double(layer.scales[index / k]))
      truncation += gap
      if index / k == row, integers[index] == nearest[index] { staying += gap }
    }
    return sum + Double(flipWeight) * error / truncation * staying
  }

  /// What is held keeps the integer of nearest rounding, and the others make up for it.
  @Test(arguments: 0..<5 as Range<UInt64>) func heldWeightsStay(seed: UInt64) throws {
    var problem = try problem(seed: seed)
    let nearest = problem.layer.nearest()
    problem.held = Set(nearest.indices.filter { $0 % 5 < 2 })
    let solved = try solve(CoordinateDescent(choice: .integers), problem)
    for index in problem.held { #expect(solved[index] == nearest[index]) }
    for row in 0..<2 {
      let values = [nearest, solved].map {
        objective(problem, $0, row: row, flipWeight: 0)
      }
      #expect(values[1] <= values[0] + 1e-5)
    }
    problem.held = Set(nearest.indices)
    #expect(try solve(CoordinateDescent(choice: .integers), problem) == nearest)
  }

  /// No single weight of the result could move and lower the objective, and the result is never
  /// worse than where it began.
  @Test(arguments: [0, 0.3, 2] as [Float], [Recipe.Choice.neighbours, .integers])
  func resultsAreMinimaOfEveryWeight(flipWeight: Float, choice: Recipe.Choice) throws {
    for seed in 1...25 as ClosedRange<UInt64> {
      let problem = try problem(seed: seed)
      let solved = try solve(CoordinateDescent(choice: choice, flipWeight: flipWeight), problem)
      for row in 0..<2 {
        let reached = objective(problem, solved, row: row, flipWeight: flipWeight)
        let start = objective(problem, problem.layer.nearest(), row: row, flipWeight: flipWeight)
        #expect(reached <= start + 1e-6)
        for column in 0..<5 {
          let scaled = problem.layer.weights[row * 5 + column] / problem.layer.scales[row]
          let floor = Int(scaled.rounded(.down))
          let allowed = choice == .integers ? Array(-2...2) : [floor, floor + 1]
          for value in allowed where (-2...2).contains(value) {
            var other = solved
            other[row * 5 + column] = Int8(value)
            #expect(
              objective(problem, other, row: row, flipWeight: flipWeight) >= reached - 1e-5)
          }
        }
      }
    }
  }

  /// Against all 5⁵ roundings of each row: half of the rows end at the best, and on the whole little
  /// of what nearest rounding loses is left.
  @Test func integersComeNearTheOptimum() throws {
    var (optimal, excess, range) = (0, 0.0, 0.0)
    for seed in 1...20 as ClosedRange<UInt64> {
      let problem = try problem(seed: seed)
      let solved = try solve(CoordinateDescent(choice: .integers), problem)
      for row in 0..<2 {
        var best = Double.infinity
        for code in 0..<3125 {
          var candidate = solved
          var rest = code
          for column in 0..<5 {
            candidate[row * 5 + column] = Int8(rest % 5 - 2)
            rest /= 5
          }
          best = min(best, objective(problem, candidate, row: row, flipWeight: 0))
        }
        let reached = objective(problem, solved, row: row, flipWeight: 0)
        let nearest = objective(problem, problem.layer.nearest(), row: row, flipWeight: 0)
        #expect(reached >= best - 1e-6)
        if reached < best + 1e-6 { optimal += 1 }
        excess += reached - best
        range += nearest - best
      }
    }
    #expect(optimal >= 20, "\(optimal) of 40")
    #expect(excess < 0.25 * range, "\(excess / range)")
  }

  /// A push that outweighs everything moves every weight that does not lie on the grid.
  @Test func aLargeFlipWeightFlipsEveryWeight() throws {
    let problem = try problem(seed: 4, limits: -7...7)
    let nearest = problem.layer.nearest()
    for choice in [Recipe.Choice.neighbours, .integers] {
      let solved = try solve(CoordinateDescent(choice: choice, flipWeight: 1e6), problem)
      #expect(zip(solved, nearest).allSatisfy { $0 != $1 })
    }
  }

  /// A weight far beyond the grid stays at its end, however hard weights are pushed.
  @Test func clippedWeightsAreNotPushed() throws {
    var weights = randomTensor(batch: 1, shape: [6], seed: 3, low: -1, high: 1).values
    weights[2] = 50
    let layer = try WeightedLayer.linear(weights: weights, scales: [0.5], limits: -7...7)
    var inputs = randomTensor(batch: 20, shape: [6], seed: 4)
    for image in 0..<20 { inputs.values[image * 6 + 2] = 0 }
    let problem = try RoundingProblem(
      layer: layer, operation: layer.linearOperation, quantized: inputs, float: inputs,
      batching: .whole, threads: 1)
    for choice in [Recipe.Choice.neighbours, .integers] {
      let solved = try solve(CoordinateDescent(choice: choice, flipWeight: 100), problem)
      #expect(solved[2] == 7)
    }
  }

  /// Inputs that are never lit say nothing: weights stay at nearest.
  @Test func withoutInputsNothingMoves() throws {
    let layer = try WeightedLayer.linear(
      weights: randomTensor(batch: 1, shape: [12], seed: 1).values, scales: [0.3, 0.3])
    let dark = Tensor(batch: 4, shape: [6])
    let problem = try RoundingProblem(
      layer: layer, operation: layer.linearOperation, quantized: dark, float: dark,
      batching: .whole, threads: 1)
    #expect(try solve(CoordinateDescent(choice: .integers), problem) == layer.nearest())
  }

  /// BatchNorm factors of either sign only scale a row: integers follow the sign.
  @Test func negativeFactors() throws {
    var problem = try problem(seed: 8, limits: -7...7)
    let plain = try solve(CoordinateDescent(choice: .integers), problem)
    problem.layer.factors = [-1, -1]
    problem.layer.weights = problem.layer.weights.map { -$0 }
    #expect(try solve(CoordinateDescent(choice: .integers), problem) == plain.map { -$0 })
  }
}
