import CupelFineTuning
import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

@Suite struct ImplicitUnlearningTests {
  /// L_in(p, θ) = ½ pᵀAp + pᵀBθ, L_out(p, θ) = ½‖p − c‖² + dᵀθ, with A = ((2, 1), (1, 3)).
  private let curvature: [[Float]] = [[2, 1], [1, 3]]
  private let mixed: [[Float]] = [[1, -2], [0.5, 4]]
  private let goal: [Float] = [1, -1]
  private let weight: [Float] = [0.3, 0.7]

  /// p*(θ) = −A⁻¹Bθ, with A⁻¹ = ((3, −1), (−1, 2)) / 5.
  private func solution(_ theta: [Double]) -> [Double] {
    let b = mixed.map { Double($0[0]) * theta[0] + Double($0[1]) * theta[1] }
    return [-(3 * b[0] - b[1]) / 5, -(-b[0] + 2 * b[1]) / 5]
  }

  private func outer(_ theta: [Double]) -> Double {
    let p = solution(theta)
    let distance = zip(p, goal).map { ($0 - Double($1)) * ($0 - Double($1)) }.reduce(0, +)
    return distance / 2 + zip(theta, weight).map { $0 * Double($1) }.reduce(0, +)
  }

  private func product(_ matrix: [[Float]], _ vector: [Float]) -> [Float] {
    matrix.map { zip($0, vector).map { $0 * $1 }.reduce(0, +) }
  }

  @Test func hypergradientOfAQuadraticIsTheSlope() {
    let theta = [0.4, -0.6]
    let p = solution(theta).map { Float($0) }
    let slope = zip(p, goal).map { $0 - $1 }
    let v = ImplicitGradient.fixedPoint(slope: slope, iterations: 300, rate: 0.2) {
      product(curvature, $0)
    }
    for index in 0..<2 {
      // dᵀ − rate · (Bᵀ v).
      let through = mixed[0][index] * v[0] + mixed[1][index] * v[1]
      let found = Double(weight[index] - 0.2 * through)
      var (above, below) = (theta, theta)
      above[index] += 1e-4
      below[index] -= 1e-4
      #expect(abs(found - (outer(above) - outer(below)) / 2e-4) < 1e-4)
    }
  }

  /// The first terms of Neumann's series: b + Mb + M²b with M = 1 − 0.1 A.
  @Test func iterationsAreTermsOfTheSeries() {
    func step(_ vector: [Float]) -> [Float] {
      zip(vector, product(curvature, vector)).map { $0 - 0.1 * $1 }
    }
    let b: [Float] = [1, 2]
    let second = step(b)
    let third = step(second)
    for (count, terms) in [(1, [b]), (2, [b, second]), (3, [b, second, third])] {
      let found = ImplicitGradient.fixedPoint(slope: b, iterations: count, rate: 0.1) {
        product(curvature, $0)
      }
      let expected = (0..<2).map { index in terms.map { $0[index] }.reduce(0, +) }
      for (one, other) in zip(found, expected) { #expect(abs(one - other) < 1e-5) }
    }
  }

  @Test func directionalDerivatives() {
    // The gradient of p₀² p₁ is (2 p₀ p₁, p₀²); along (3, 4) it moves by (6p₁ + 8p₀, 6p₀).
    let found = ImplicitGradient.directional(at: [1, 2], along: [3, 4], reach: 0.01) { p in
      [[2 * p[0] * p[1], p[0] * p[0]], [p[0]]]
    }
    #expect(abs(found[0][0] - 20) < 1e-2)
    #expect(abs(found[0][1] - 6) < 1e-2)
    #expect(abs(found[1][0] - 3) < 1e-2)
    let none = ImplicitGradient.directional(at: [1], along: [0], reach: 0.01) { [$0] }
    #expect(none == [[0]])
  }

  /// A linear classifier and an inner loss that its penalty makes convex, so that the perturbation
  /// is a function of the weights: the hypergradient is that function's, measured by solving anew.
  @Test func hypergradientOfAClassifierIsTheSlope() throws {
    var builder = GraphBuilder([1, 2, 2], seed: 4)
    let flat = builder.add(.reshape, [0], [4])
    builder.linear(flat, 3)
    let graph = builder.graph
    var generator = SeededGenerator(seed: 2)
    let data = try LabelledImages(
      images: Tensor(batch: 6, shape: [1, 2, 2], values: (0..<24).map { _ in generator.normal() }),
      labels: [0, 1, 2, 2, 1, 0])
    var method = ImplicitUnlearning()
    method.penalty = 0.6
    method.patchedShare = 1
    method.fixedPointIterations = 80
    method.standardDeviations = [0.5]

    /// The minimum of penalty · ‖p‖² − cross-entropy(x + 2p), by gradient descent.
    func perturbation(_ graph: FloatGraph) throws -> [Float] {
      var p = [Float](repeating: 0, count: 4)
      for _ in 0..<400 {
        let slopes = try slopes(graph, p).perturbation
        for index in 0..<4 { p[index] -= 0.1 * (2 * method.penalty * p[index] - slopes[index]) }
      }
      return p
    }
    func slopes(
      _ graph: FloatGraph, _ p: [Float]
    ) throws -> (loss: Double, perturbation: [Float]) {
      var moved = data.images
      for index in moved.values.indices { moved.values[index] += 2 * p[index % 4] }
      let tape = try Differentiation(graph: graph, wants: .inputs, threads: 1).run(moved)
      let (loss, seed) = try CrossEntropy.evaluate(tape.output, labels: data.labels)
      let gradient = try tape.gradient([graph.output: seed]).values[0]!
      let sums = (0..<4).map { index in
        (0..<6).reduce(Float(0)) { $0 + 2 * gradient.values[$1 * 4 + index] }
      }
      return (loss, sums)
    }

    let found = try method.hypergradient(
      graph, perturbation(graph), batch: data, inner: data, threads: 1
    ) { Array(0..<$0) }.gradient
    for array in 0..<2 {
      let error = try disagreement(found[array], at: graph.parameters[array], step: 0x1p-6) {
        var moved = graph
        moved.parameters[array] = $0
        return try slopes(moved, perturbation(moved)).loss
      }

      #expect(error < 2e-2)
    }
    // Leaving out the way through the perturbation would not do.
    method.fixedPointRate = 0
    let direct = try method.hypergradient(
      graph, perturbation(graph), batch: data, inner: data, threads: 1
    ) { Array(0..<$0) }.gradient
    let error = try disagreement(direct[0], at: graph.parameters[0], step: 0x1p-6) {
      var moved = graph
      moved.parameters[0] = $0
      return try slopes(moved, perturbation(moved)).loss
    }

    #expect(error > 0.1)
  }

  @Test func theSearchFindsWhatMisleads() throws {
    let data = try Problems.images(60)
    var settings = BaselineTests.settings(15)
    let graph = try Baseline.fineTuning.run(
      Problems.network(), on: data, settings: settings, threads: 1
    ).graph
    settings.implicitUnlearning.searchRate = 5
    let perturbation = try settings.implicitUnlearning.search(
      graph, [LabelledImages](repeating: data, count: 20), threads: 1)
    func norm(_ vector: [Float]) -> Float { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    settings.implicitUnlearning.largestNorm = norm(perturbation) / 2
    let shorter = try settings.implicitUnlearning.search(
      graph, [LabelledImages](repeating: data, count: 20), threads: 1)
    #expect(abs(norm(shorter) - norm(perturbation) / 2) < 1e-4)
    var moved = data.images
    for index in moved.values.indices { moved.values[index] += perturbation[index % 36] }
    let misled = try LabelledImages(images: moved, labels: data.labels)
    #expect(try Problems.loss(graph, on: misled) > 3 * Problems.loss(graph, on: data))
  }
}
