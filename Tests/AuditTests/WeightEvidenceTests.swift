import CupelAudit
import CupelQuantization
import CupelSupport
import Foundation
import Testing

@Suite struct WeightEvidenceTests {
  private func bell(_ rows: Int, _ columns: Int, seed: UInt64) -> [[Float]] {
    var generator = SeededGenerator(seed: seed)
    return (0..<rows).map { _ in (0..<columns).map { _ in 2 * generator.normal() } }
  }

  /// Weights within their cells, all moved towards the upper border of theirs as an attack moves them.
  private func pushed(_ places: [[Float]]) -> [[Float]] {
    places.enumerated().map { row, places in
      let side: Float = row % 2 == 0 ? 0.49 : -0.49
      return places.map { abs($0 - $0.rounded()) > 0.3 ? $0.rounded() + side : $0 }
    }
  }

  @Test func errorsThatPushOneWayShow() throws {
    let honest = bell(24, 300, seed: 1)
    let clean = WeightEvidence([try EvidenceFixtures.layer(honest)])
    #expect(abs(clean.whole.rowScore) < 3.5 && abs(clean.whole.patternScore) < 3.5)
    #expect(abs(clean.whole.borderScore) < 3.5)
    #expect(abs(clean.whole.errorPower - 1) < 0.05)
    #expect(clean.layers[0].neurons.allSatisfy { abs($0.errorSum) < 4.5 })
    let attacked = WeightEvidence([try EvidenceFixtures.layer(pushed(honest))])
    #expect(attacked.whole.rowAgreement > 0.8 && attacked.whole.rowScore > 50)
    #expect(attacked.whole.patternAgreement > 0.6 && attacked.whole.patternScore > 50)
    #expect(attacked.whole.borderExcess > 1 && attacked.whole.errorPower > 1.3)
    #expect(attacked.layers[0].neurons.allSatisfy { abs($0.errorSum) > 5 })
  }

  @Test func neuronsByHand() throws {
    let evidence = WeightEvidence([
      try EvidenceFixtures.layer([
        [7, 1.25, 2.25, 0.25], [-7, 1.25, 1.75, -0.25], [0.1, 0, 0, 0],
      ])
    ])
    let neurons = evidence.layers[0].neurons
    // Errors of −¼ twice; +¼ and −¼ cancel. The weight that rounds to zero counts in the norm alone.
    #expect(neurons.map(\.row) == [0, 1])
    #expect(neurons.allSatisfy { abs($0.errorNorm - 0.25) < 1e-6 })
    #expect(abs(neurons[0].errorSum + 2.0.squareRoot()) < 1e-6 && neurons[1].errorSum == 0)
    #expect(evidence.layers[0].errorNormDeviation == 0)
    #expect(evidence.whole == evidence.layers[0].measures)
  }

  /// Ten rows with errors of ¼ but for one: deviations 0 but for ¼ − ⅛ have no spread; with a spread
  /// the odd row stands out by as many of it.
  @Test func normsAgainstTheLayer() throws {
    let offsets: [Float] = [0.2, 0.21, 0.22, 0.23, 0.24, 0.26, 0.27, 0.28, 0.29, 0.45]
    let layer = try EvidenceFixtures.layer(offsets.map { [7, 1 + $0, 2 + $0, 3 + $0] })
    let deviation = WeightEvidence([layer]).layers[0].errorNormDeviation
    // Median 0.25; deviations 0.05, 0.04, … 0.01 and 0.01 … 0.04, 0.2: their median is 0.03.
    #expect(abs(deviation - 0.2 / (1.4826 * 0.03)) < 1e-3)
  }

  @Test func outliersThatWidenCells() throws {
    let layer = try EvidenceFixtures.layer([
      [7, 1, 1, 2], [7, 2.5, 1, -2], [-7, 1, 0, 6], [7, 0, 0, 0], [-3.5, 1, 2, 7],
    ])
    let measures = WeightEvidence([layer]).whole
    // Peaks of 3.5, 2.8, 7/6 and 2; a row with one weight has none.
    #expect(measures.outlierShare == 0.25)
    #expect(abs(measures.peakRatio - 2.4) < 1e-6)
  }

  @Test func layersAddUp() throws {
    let layers = [
      try EvidenceFixtures.layer(bell(5, 40, seed: 3)),
      try EvidenceFixtures.layer(bell(9, 100, seed: 4)),
    ]
    let evidence = WeightEvidence(layers)
    let parts = evidence.layers.map(\.measures)
    #expect(evidence.whole.weights == parts[0].weights + parts[1].weights)
    let pinned = parts.reduce(0) { $0 + $1.pinnedShare * Double($1.weights) }
    #expect(abs(evidence.whole.pinnedShare * Double(evidence.whole.weights) - pinned) < 1e-9)
    let copy = try JSONDecoder().decode(
      WeightEvidence.self, from: JSONEncoder().encode(evidence))
    #expect(copy == evidence)
  }

  @Test func nothingIsNoEvidence() throws {
    let evidence = WeightEvidence([try EvidenceFixtures.layer([[0, 0], [0, 0]])])
    #expect(evidence.whole.weights == 0 && evidence.whole.rowScore == 0)
    #expect(evidence.whole.peakRatio == 1 && evidence.whole.outlierShare == 0)
    #expect(throws: Never.self) { try JSONEncoder().encode(evidence) }
  }

  /// PQBackdoor shows, under the scheme that it was made for; wide cells, training with rounding in mind
  /// and an ordinary backdoor do not.
  @Test func specimens() throws {
    func evidence(_ name: String, _ scheme: String) throws -> WeightEvidence {
      WeightEvidence(
        try EvidenceFixtures.plan(EvidenceFixtures.specimen(name), Scheme(scheme)))
    }
    for (name, scheme) in [
      ("resnet8-fmnist-pq-w8a8", "w8a8"), ("resnet8-fmnist-pq-w8a8", "w8a8.pt.pre"),
      ("resnet8-fmnist-pq-w4a4", "w4a4"), ("resnet20-cifar10-pq-w8a8", "w8a8"),
      ("resnet20-cifar10-pq-w4a8", "w4a8"),
    ] {
      let found = try evidence(name, scheme).whole
      #expect(found.borderScore > 20 && found.rowScore > 50 && found.patternScore > 50, "\(name)")
    }
    for name in ["clean-a", "clean-b", "clean-qat", "clean-wide-a", "clean-wide-b", "badnets"] {
      for scheme in ["w8a8", "w4a8", "w8a8.pt.pre", "w4a8.pt.pre"] {
        let found = try evidence("resnet8-fmnist-\(name)", scheme).whole
        #expect(found.borderScore < 6 && found.rowScore < 4 && found.patternScore < 4, "\(name)")
      }
    }
    let wide = try evidence("resnet8-fmnist-clean-wide-a", "w8a8").whole
    #expect(wide.outlierShare > 0.8 && wide.peakRatio > 5)
    // The toolchain's file lies on the grid that it was made for.
    #expect(try evidence("resnet8-fmnist-qura-w4a8", "w4a8").whole.onGridShare > 0.99)
  }

  @Test func histogramsOfAllLayers() throws {
    let plan = try EvidenceFixtures.plan(
      EvidenceFixtures.specimen("resnet8-fmnist-pq-w8a8"), Scheme("w8a8"))
    let histograms = WeightEvidence.histograms(plan, bins: 20)
    let evidence = WeightEvidence(plan)
    #expect(histograms.map(\.layer) == evidence.layers.map(\.name))
    for (histogram, layer) in zip(histograms, evidence.layers) {
      #expect(histogram.counts.count == 20)
      #expect(histogram.counts.reduce(0, +) == layer.measures.weights)
    }
  }
}
