import CupelAudit
import CupelPurification
import CupelQuantization
import CupelSupport
import Foundation
import Testing

@Suite struct RoundingCensusTests {
  private func random(_ rows: Int, _ columns: Int, seed: UInt64, bits: Int) throws -> WeightedLayer
  {
    var generator = SeededGenerator(seed: seed)
    let width: Float = bits == 4 ? 2.5 : 40
    return try EvidenceFixtures.layer(
      (0..<rows).map { _ in (0..<columns).map { _ in width * generator.normal() } }, bits: bits)
  }

  /// Nearest rounding on scales that differ from ours, whoever chose them, is nearest rounding.
  @Test(arguments: [4, 8], [0.85, 0.97, 1, 1.003, 1.2] as [Float])
  func otherScalesAreHonest(_ bits: Int, _ share: Float) throws {
    let layer = try random(12, 80, seed: 1, bits: bits)
    var other = layer
    other.scales = layer.scales.indices.map { layer.scales[$0] * share * (1 + 0.001 * Float($0)) }
    let census = try RoundingCensus(
      layers: [layer], integers: [other.nearest()], scales: [other.scales])
    #expect(census.whole.weights == 960 && census.whole.moved == 0)
    #expect(census.isNearest)
    // Half a step in the largest integer at most.
    #expect(try #require(census.scaleDeviation) < 1e-5)
    let unknown = try RoundingCensus(layers: [layer], integers: [other.nearest()])
    #expect(unknown.whole == census.whole && unknown.scaleDeviation == nil)
  }

  /// The matching scale explains at least as many weights as any of a fine grid of scales, and as many
  /// as it says.
  @Test func noScaleExplainsMore() throws {
    var generator = SeededGenerator(seed: 8)
    let layer = try random(30, 25, seed: 2, bits: 4)
    for row in 0..<layer.rows {
      let range = row * 25..<(row + 1) * 25
      let weights = layer.weights[range]
      var integers = layer.nearest()[range]
      for index in integers.indices where generator.chance(0.3) {
        integers[index] = Int8(
          min(max(Int(integers[index]) + generator.integer(in: -1...1), -7), 7))
      }
      let match = try #require(
        MatchingScale(weights: weights, integers: integers, limits: layer.limits))
      func explained(_ scale: Double) -> Int {
        zip(weights, integers).count { weight, integer in
          let nearest = (Double(weight) / scale).rounded()
          return min(max(nearest, -7), 7) == Double(integer)
        }
      }
      #expect(explained(match.scale) == match.explained)
      let product = zip(weights, integers).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      let fit = product / integers.reduce(0) { $0 + Double($1) * Double($1) }
      for step in 0...4500 {
        #expect(explained(fit * (0.8 + 0.0001 * Double(step))) <= match.explained)
      }
    }
  }

  @Test func noScaleForZerosAndOpposites() throws {
    let weights: [Float] = [1, -2, 3]
    func match(_ integers: [Int8]) -> MatchingScale? {
      MatchingScale(weights: weights[...], integers: integers[...], limits: -7...7)
    }
    #expect(match([0, 0, 0]) == nil)
    #expect(match([-1, 2, -3]) == nil)
    #expect(match([1, -2, 3])?.explained == 3)
  }

  /// Eleven weights pin the scale down; some of the others are moved.
  @Test func movesByHand() throws {
    var places: [Float] = [7, 6.4, 5.6, 4.45, 3.55, 2.4, 1.6, -7, -6.4, -5.55, -4.4]
    var integers: [Int8] = [7, 6, 6, 4, 4, 2, 2, -7, -6, -6, -4]
    // A step up from near a border, down from far away, two steps, three, and an honest one.
    places += [1.45, -3.1, 2, -3, 1]
    integers += [2, -4, 4, 0, 1]
    let layer = try EvidenceFixtures.layer([places])
    let census = try RoundingCensus(layers: [layer], integers: [integers], scales: [[1.25]])
    #expect(census.whole.weights == 16)
    #expect(census.whole.moved == 4 && census.whole.movedFar == 3)
    #expect(census.whole.bySteps == [2, 1, 1])
    #expect(abs(census.whole.movedFarShare - 3 / 16) < 1e-12)
    #expect(!census.isNearest)
    // No scale explains the row, so that the stated one is not judged.
    #expect(census.scaleDeviation == 0)
    #expect(census.layers.map(\.name) == [layer.name])
    #expect(census.layers.map(\.counts) == [census.whole])
  }

  /// 0.08 steps beyond a border is not far, 0.12 is.
  @Test func farIsATenthOfAStep() throws {
    let layer = try EvidenceFixtures.layer([
      [7, 6.4, 5.6, 4.45, 3.55, 2.4, 1.6, -7, -6.4, -5.55, -4.4, 2.42, 2.38]
    ])
    let census = try RoundingCensus(
      layers: [layer], integers: [[7, 6, 6, 4, 4, 2, 2, -7, -6, -6, -4, 3, 3]])
    #expect(census.whole.moved == 2 && census.whole.movedFar == 1)
  }

  /// Integers of the float model under scales that are not: its weights are explained on 0.99 to 1.01.
  @Test func scalesThatChangeTheWeights() throws {
    let layer = try EvidenceFixtures.layer([[7, 6.434, 6.565, -3], [7, 6.434, 6.565, -3]])
    func deviation(_ scales: [Float]) throws -> Double {
      let census = try RoundingCensus(
        layers: [layer], integers: [[7, 6, 7, -3, 7, 6, 7, -3]], scales: [scales])
      #expect(census.isNearest)
      return try #require(census.scaleDeviation)
    }
    #expect(try deviation([1, 1.005]) == 0)
    // 6.434 becomes 6 down to 6.434 / 6.5, 6.565 becomes 7 up to 6.565 / 6.5.
    let (low, high) = (6.434 / 6.5, 6.565 / 6.5)
    #expect(abs(try deviation([1, 1.2]) - (1.2 - high) / (low + high) * 2) < 1e-5)
    #expect(abs(try deviation([0.5, 1]) - (low - 0.5) / (low + high) * 2) < 1e-5)
  }

  @Test func rowsWithoutAScale() throws {
    let layer = try EvidenceFixtures.layer([[1, 2, 3], [1, 2, 3], [1, 2, 3]])
    let census = try RoundingCensus(
      layers: [layer], integers: [[0, 0, 0, -1, -2, -3, 1, 2, 3]], scales: [[1, 1, .nan]])
    // The first row is left out; the second runs against its weights.
    #expect(census.whole.weights == 6 && census.whole.movedFar == 3)
    // A scale that is no number is as wrong as can be, and can be written to JSON.
    #expect(try #require(census.scaleDeviation) > 1e100)
    let copy = try JSONDecoder().decode(
      RoundingCensus.self, from: JSONEncoder().encode(census))
    #expect(copy == census)
  }

  @Test func filesThatDoNotFitAreRefused() throws {
    let layer = try EvidenceFixtures.layer([[1, 2, 3]])
    for (integers, scales) in [
      ([], nil), ([[1, 2]], nil), ([[1, 2, 3], [1]], nil), ([[1, 2, 3]], [[1, 1]]),
      ([[1, 2, 3]], []),
    ] as [([[Int8]], [[Float]]?)] {
      #expect(throws: AuditError.self) {
        try RoundingCensus(layers: [layer], integers: integers, scales: scales)
      }
    }
  }

  /// QuRA's integers against the honest float model that it was given; that model's own; and the
  /// full range used where the scheme has the restricted one.
  @Test func aHostileToolchainIsSeen() throws {
    let honest = try EvidenceFixtures.Deployment("resnet8-fmnist-clean-a", images: 1).plan("w4a8")
    let vendor = try EvidenceFixtures.Deployment("resnet8-fmnist-qura-w4a8", images: 1)
      .plan("w4a8")
    let hostile = try RoundingCensus(
      plan: honest, integers: vendor.nearest().integers, scales: vendor.layers.map(\.scales))
    #expect(!hostile.isNearest)
    #expect(hostile.whole.movedFarShare > 0.05)
    #expect(hostile.whole.bySteps[2] < hostile.whole.moved / 100)

    let own = try RoundingCensus(plan: honest, integers: honest.nearest().integers)
    #expect(own.isNearest && own.whole.moved == 0)
    var full = honest.scheme
    full.fullRange = true
    let wide = try EvidenceFixtures.Deployment("resnet8-fmnist-clean-a", images: 1)
      .plan(full.description)
    #expect(try RoundingCensus(plan: honest, integers: wide.nearest().integers).isNearest)
  }

  /// Purified integers are not the nearest, though they mean well.
  @Test func purificationIsSeenToo() throws {
    let deployment = try EvidenceFixtures.Deployment("resnet8-fmnist-clean-a", images: 1)
    let plan = try deployment.plan("w8a8")
    let result = try Purification(.efrap, threads: 2).run(
      calibration: deployment.calibration, scheme: plan.scheme,
      images: deployment.training)
    let census = try RoundingCensus(plan: plan, integers: result.rounded.integers)
    #expect(!census.isNearest && census.whole.movedFarShare > 0.2)
  }
}
