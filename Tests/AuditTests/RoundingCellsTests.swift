import CupelAudit
import CupelQuantization
import CupelSupport
import Testing

@Suite struct RoundingCellsTests {
  private func isSame(_ found: [Float], _ expected: [Float?]) -> Bool {
    found.count == expected.count
      && zip(found, expected).allSatisfy { offset, expected in
        expected.map { abs($0 - offset) < 1e-6 } ?? offset.isNaN
      }
  }

  @Test func offsetsOfARow() throws {
    let cells = RoundingCells(
      try EvidenceFixtures.layer([[7, 0, 0.25, -1.75, 2.5, -3.4375, -7, 6.75, 8]]))
    // The ends of the grid, what is cut off there and the zero do not count; a tie goes to even.
    #expect(isSame(cells.offsets, [nil, nil, 0.25, 0.25, 0.5, -0.4375, nil, -0.25, nil]))
    #expect(
      cells.isBeyondZero == [false, false, false, true, true, true, false, true, false])
  }

  @Test func aRowThatRoundsToZeroSaysNothing() throws {
    let cells = RoundingCells(try EvidenceFixtures.layer([[0.5, -0.5, 0.1], [0.5, -0.625, 0.1]]))
    #expect(isSame(cells.offsets, [nil, nil, nil, 0.5, 0.375, 0.1]))
  }

  @Test func everyWeightIsInOneBin() throws {
    let cells = RoundingCells(
      try EvidenceFixtures.layer([[-0.5, 2.5, 1.5, -0.25, 0.25, 1, 3.75, 7, 0.125]]))
    // −0.5 and 2.5 lie at the two ends: one half is rounded down from 2.5, up from 1.5.
    #expect(cells.histogram(bins: 4) == [2, 2, 2, 2])
    #expect(cells.histogram(bins: 1) == [8])
  }

  @Test func countsByHand() throws {
    var counts = CellCounts(
      RoundingCells(
        try EvidenceFixtures.layer([[7, 1.499, 2.51, 3.45, -1.45, 0.4, 1.001, 0.0625]])))
    #expect(counts.weights == 7)
    #expect(counts.pinned == 1 && counts.border == 2 && counts.neighbours == 3)
    #expect(counts.onGrid == 1 && counts.beyondZero == 5)
    // Two where 3 · 0.02 / 0.08 are to be expected.
    #expect(abs(counts.borderExcess - (2 / 0.75 - 1)) < 1e-5)
    #expect(abs(counts.borderScore - 1.25 / (0.75 * 1.25).squareRoot()) < 1e-5)
    let squares = [0.499, 0.49, 0.45, 0.45, 0.001].reduce(0) { $0 + $1 * $1 }
    #expect(abs(counts.errorPower - 12 * squares / 5) < 1e-5)
    counts += counts
    #expect(counts.weights == 14 && counts.pinned == 2 && counts.neighbours == 6)
    #expect(abs(counts.errorPower - 12 * squares / 5) < 1e-5)
    #expect(abs(counts.borderExcess - (2 / 0.75 - 1)) < 1e-5)
  }

  @Test func nothingToCount() throws {
    let counts = CellCounts(RoundingCells(try EvidenceFixtures.layer([[7, 0, 0]])))
    #expect(counts.weights == 0 && counts.borderExcess == 0 && counts.borderScore == 0)
    #expect(counts.pinnedShare == 0 && counts.onGridShare == 0 && counts.errorPower == 1)
  }

  /// The border has no excess under any smooth density, whether cells are fine or so coarse that most
  /// weights round to zero. Bell-shaped weights of several widths, in steps.
  @Test(arguments: [0.6, 1, 2, 20] as [Float])
  func smoothDensitiesHaveNoExcess(_ width: Float) throws {
    var generator = SeededGenerator(seed: 5)
    let places = (0..<40).map { _ in (0..<1000).map { _ in width * generator.normal() } }
    let counts = CellCounts(
      RoundingCells(try EvidenceFixtures.layer(places, bits: 8)))
    #expect(counts.weights > 30_000)
    #expect(abs(counts.borderScore) < 3.5)
    #expect(abs(counts.borderExcess) < 0.2)
  }

  /// What projection does: a tenth of the weights lies a thousandth inside the border.
  @Test func pinnedWeightsShow() throws {
    var generator = SeededGenerator(seed: 6)
    let places = (0..<40).map { _ in
      (0..<1000).map { _ in
        let place = 2 * generator.normal()
        let side: Float = generator.chance(0.5) ? 0.499 : -0.499
        return generator.chance(0.1) ? place.rounded() + side : place
      }
    }
    let counts = CellCounts(RoundingCells(try EvidenceFixtures.layer(places)))
    #expect(abs(counts.pinnedShare - 0.1036) < 0.01)
    // Where 0.9 · 0.04 of the weights are expected, there is a tenth more.
    #expect(abs(counts.borderExcess - 0.1 / 0.036) < 0.3)
    #expect(counts.borderScore > 50)
  }
}
