import CupelAudit
import CupelQuantization
import Testing

@Suite struct StochasticRoundingTests {
  private let places: [[Float]] = [
    [7, 0.25, -0.25, 3, -2, 6.5, -6.75], [-7, 0.5, 1.0625, 0, 4.9375, -3.5, 2.125],
  ]

  private func plan() throws -> QuantizationPlan {
    try EvidenceFixtures.plan(EvidenceFixtures.network(places), Scheme("w4a8"))
  }

  /// The mean over draws is the weight: within 4.5 standard errors of each of 14 weights.
  @Test func unbiased() throws {
    let plan = try plan()
    let draws = 20_000
    var sums = [Int](repeating: 0, count: 14)
    for draw in 0..<draws {
      let integers = StochasticRounding.draw(draw, of: plan, seed: 3).integers[0]
      for index in sums.indices {
        let place = places[index / 7][index % 7]
        #expect(abs(Float(integers[index]) - place) < 1)
        sums[index] += Int(integers[index])
      }
    }
    for index in sums.indices {
      let place = Double(places[index / 7][index % 7])
      let fraction = place - place.rounded(.down)
      let error = (fraction * (1 - fraction) / Double(draws)).squareRoot()
      #expect(abs(Double(sums[index]) / Double(draws) - place) <= 4.5 * error, "\(place)")
    }
  }

  @Test func drawsAreOwnAndRepeatable() throws {
    let plan = try plan()
    func draw(_ seed: UInt64, _ number: Int) -> [[Int8]] {
      StochasticRounding.draw(number, of: plan, seed: seed).integers
    }
    #expect(draw(1, 0) == draw(1, 0))
    #expect(Set((0..<40).map { draw(1, $0) }).count > 20)
    #expect(Set((0..<40).map { draw(UInt64($0), 0) }).count > 20)
  }

  /// Two layers with the same weights are drawn apart.
  @Test func layersAreDrawnApart() throws {
    let plan = try EvidenceFixtures.Deployment("resnet8-fmnist-clean-a", images: 1).plan("w4a8")
    var generatorsDiffer = false
    let integers = StochasticRounding.draw(0, of: plan, seed: 1).integers
    for (layer, drawn) in zip(plan.layers, integers) {
      #expect(drawn.count == layer.weights.count)
      let up = zip(layer.nearest(), drawn).count { $0 != $1 }
      // Stochastic rounding goes the other way in a quarter of all cases.
      #expect(abs(Double(up) / Double(drawn.count) - 0.25) < 0.06)
      generatorsDiffer = true
    }
    #expect(generatorsDiffer)
  }

  @Test func whatLeavesTheGridSaturates() throws {
    var layer = try EvidenceFixtures.layer([[9.5, -12, 7.25, -7.5, 6.5]])
    layer.limits = -7...7
    var plan = try plan()
    plan.replace(0, by: layer)
    for draw in 0..<50 {
      let integers = StochasticRounding.draw(draw, of: plan, seed: 1).integers[0]
      #expect(integers[..<4] == [7, -7, 7, -7])
      #expect((6...7).contains(integers[4]))
    }
  }
}
