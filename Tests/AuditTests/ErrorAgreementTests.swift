import CupelAudit
import CupelSupport
import Testing

@Suite struct ErrorAgreementTests {
  /// All patterns of `count` signs, as fair coins give them.
  private func patterns(_ count: Int) -> [[Int8]] {
    (0..<1 << count).map { bits in (0..<count).map { bits >> $0 & 1 == 0 ? 1 : -1 } }
  }

  private func check(_ agreements: [ErrorAgreement]) {
    let count = Double(agreements.count)
    let mean = agreements.reduce(0) { $0 + $1.score } / count
    let variance = agreements.reduce(0) { $0 + $1.score * $1.score } / count
    #expect(abs(mean) < 1e-12)
    #expect(abs(variance - 1) < 1e-12)
    #expect(agreements.allSatisfy { $0.value <= 1 && $0.value >= -1 })
    #expect(agreements.contains { $0.value == 1 })
  }

  /// With fair coins the score has mean 0 and variance 1, exactly: counted over all patterns.
  @Test func rowsOfFairCoins() {
    for (rows, columns) in [(1, 2), (1, 5), (2, 4), (3, 3)] {
      check(patterns(rows * columns).map { .withinRows($0, columns: columns) })
    }
  }

  @Test func pairsOfRowsOfFairCoins() {
    for (rows, columns) in [(2, 2), (2, 5), (3, 3), (4, 3)] {
      check(patterns(rows * columns).map { .betweenRows($0, columns: columns) })
    }
  }

  @Test func weightsAwayFromBordersDoNotCount() throws {
    let layer = try EvidenceFixtures.layer([[7, 1.46, 2.54, 0.44, 0, -1.47, 0.2]])
    // 1.46 is rounded down and 2.54 up; −1.47 goes up to −1 and lies below it.
    #expect(ErrorAgreement.signs(RoundingCells(layer)) == [0, 1, -1, 0, 0, -1, 0])
  }

  @Test func byHand() {
    // Sums 2 of 2, −1 of 3 (one is silent): 4 − 2 + 1 − 3 = 0 of 2 + 6 pairs.
    let rows = ErrorAgreement.withinRows([1, 0, 1, 0, -1, -1, 1, 0], columns: 4)
    #expect(rows.excess == 0 && rows.pairs == 8)
    // Products 1, −1 and 1: 1 − 3 = −2 of 6.
    let between = ErrorAgreement.betweenRows([1, -1, -1, 0, 1, 1, -1, 1], columns: 4)
    #expect(between.excess == -2 && between.pairs == 6)
    #expect(abs(between.value + 1 / 3) < 1e-12)
    var sum = rows
    sum += between
    #expect(sum.excess == -2 && sum.pairs == 14)
    #expect(ErrorAgreement.withinRows([], columns: 0).score == 0)
    #expect(ErrorAgreement.betweenRows([1, -1], columns: 2).value == 0)
  }

  /// Rows that follow one pattern or its opposite agree fully, though no row's errors add up.
  @Test func opposedRowsShareAPattern() {
    var generator = SeededGenerator(seed: 2)
    let pattern = (0..<50).map { Int8($0 % 2 == 0 ? 1 : -1) }
    let signs = (0..<20).flatMap { _ -> [Int8] in
      let turn: Int8 = generator.chance(0.5) ? 1 : -1
      return pattern.map { $0 * turn }
    }
    #expect(ErrorAgreement.betweenRows(signs, columns: 50).value == 1)
    #expect(ErrorAgreement.withinRows(signs, columns: 50).value < 0)
  }
}
