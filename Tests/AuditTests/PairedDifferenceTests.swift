import CupelAudit
import Foundation
import Testing

@Suite struct PairedDifferenceTests {
  struct Table: CustomStringConvertible, Sendable {
    var both, firstOnly, secondOnly, neither: Int
    var total: Int { both + firstOnly + secondOnly + neither }
    var difference: PairedDifference {
      PairedDifference(
        both: both, firstOnly: firstOnly, secondOnly: secondOnly, neither: neither)
    }
    var description: String { "\(both) \(firstOnly) \(secondOnly) \(neither)" }
  }

  /// Method 10 of Newcombe (1998) on two of his examples, and on Bentur et al. (2009) as
  /// Fagerland, Lydersen and Laake (Statistics in Medicine 33, 2014) give it, to three places.
  @Test(arguments: [
    (Table(both: 20, firstOnly: 12, secondOnly: 2, neither: 16), 0.0562, 0.3292, 0.5e-4),
    (Table(both: 36, firstOnly: 12, secondOnly: 2, neither: 0), 0.0569, 0.3404, 0.5e-4),
    (Table(both: 1, firstOnly: 1, secondOnly: 7, neither: 12), -0.507, -0.026, 0.5e-3),
  ])
  func agreesWithPublishedIntervals(
    _ table: Table, _ low: Double, _ high: Double, _ tolerance: Double
  ) {
    #expect(abs(table.difference.interval.lowerBound - low) <= tolerance)
    #expect(abs(table.difference.interval.upperBound - high) <= tolerance)
  }

  /// Every table of up to nine pairs, and some large ones, against a second computation: Wilson's
  /// bounds by bisection, the correlation from the paper's three cases.
  @Test func agreesWithTheDefinition() {
    for table in Self.smallTables(upTo: 9) + Self.largeTables {
      let difference = table.difference
      let (low, high) = Self.definition(table)
      #expect(abs(difference.interval.lowerBound - max(low, -1)) < 1e-9, "\(table)")
      #expect(abs(difference.interval.upperBound - min(high, 1)) < 1e-9, "\(table)")
    }
  }

  @Test func swappingTheSharesTurnsTheSign() {
    for table in Self.smallTables(upTo: 7) + Self.largeTables {
      var other = table
      swap(&other.firstOnly, &other.secondOnly)
      let (one, two) = (table.difference, other.difference)
      #expect(one.value == -two.value)
      #expect(abs(one.interval.lowerBound + two.interval.upperBound) < 1e-12, "\(table)")
      #expect(abs(one.interval.upperBound + two.interval.lowerBound) < 1e-12, "\(table)")
    }
  }

  @Test func intervalsHoldTheEstimateAndStayInRange() {
    for table in Self.smallTables(upTo: 9) + Self.largeTables {
      let difference = table.difference
      #expect(difference.interval.contains(difference.value), "\(table)")
      #expect(difference.interval.lowerBound >= -1)
      #expect(difference.interval.upperBound <= 1)
      // No finite test settles anything.
      #expect(difference.interval.upperBound > difference.interval.lowerBound, "\(table)")
    }
  }

  @Test func withoutPairsEverythingIsPossible() {
    let none = Table(both: 0, firstOnly: 0, secondOnly: 0, neither: 0).difference
    #expect(none.value == 0)
    #expect(none.interval == -1...1)
  }

  @Test func countsPairs() {
    let difference = PairedDifference(
      [true, true, true, false, false, true], [true, false, false, true, false, false])
    #expect(
      difference == Table(both: 1, firstOnly: 3, secondOnly: 1, neither: 1).difference)
    #expect(abs(difference.value - 2.0 / 6) < 1e-15)
  }

  // MARK: - Probability

  @Test func probabilityFallsWithTheThreshold() {
    for table in Self.smallTables(upTo: 4) + Self.largeTables {
      let difference = table.difference
      var last = 1.0
      for step in -110...110 {
        let probability = difference.probability(atLeast: Double(step) / 100)
        #expect((0...1).contains(probability))
        #expect(probability <= last, "\(table) at \(step)")
        last = probability
      }
    }
  }

  /// On each side of the estimate the bound is the normal's 97.5 % point.
  @Test func probabilityIsCalibratedByTheInterval() {
    let difference = Table(both: 50, firstOnly: 300, secondOnly: 40, neither: 610).difference
    let (value, interval) = (difference.value, difference.interval)
    #expect(difference.probability(atLeast: value) == 0.5)
    #expect(abs(difference.probability(atLeast: interval.lowerBound) - 0.975) < 1e-12)
    #expect(abs(difference.probability(atLeast: interval.upperBound) - 0.025) < 1e-12)
    // One standard error up, two down: Φ(−1) and Φ(2).
    let up = (interval.upperBound - value) / 1.959963984540054
    let down = (value - interval.lowerBound) / 1.959963984540054
    #expect(abs(difference.probability(atLeast: value + up) - 0.15865525393145705) < 1e-12)
    #expect(abs(difference.probability(atLeast: value - 2 * down) - 0.9772498680518208) < 1e-12)
  }

  @Test func aDifferenceCannotExceedOne() {
    let all = Table(both: 0, firstOnly: 50, secondOnly: 0, neither: 0).difference
    #expect(all.value == 1)
    #expect(all.interval.upperBound == 1)
    #expect(all.probability(atLeast: 1.001) == 0)
    #expect(all.probability(atLeast: 0.2) > 0.999999)
  }

  // MARK: - Second computation

  private static func smallTables(upTo most: Int) -> [Table] {
    var tables: [Table] = []
    for total in 1...most {
      for both in 0...total {
        for first in 0...total - both {
          for second in 0...total - both - first {
            tables.append(
              Table(
                both: both, firstOnly: first, secondOnly: second,
                neither: total - both - first - second))
          }
        }
      }
    }
    return tables
  }

  private static let largeTables = [
    Table(both: 63, firstOnly: 8900, secondOnly: 2, neither: 35),
    Table(both: 12, firstOnly: 40, secondOnly: 55, neither: 8893),
    Table(both: 0, firstOnly: 9000, secondOnly: 0, neither: 0),
    Table(both: 9000, firstOnly: 0, secondOnly: 0, neither: 0),
    Table(both: 0, firstOnly: 0, secondOnly: 0, neither: 9000),
    Table(both: 4000, firstOnly: 1, secondOnly: 0, neither: 4999),
    Table(both: 500, firstOnly: 500, secondOnly: 500, neither: 500),
  ]

  /// The bound on one side of `share` at which the score test just rejects.
  private static func wilson(_ successes: Int, of trials: Int, upper: Bool) -> Double {
    let share = Double(successes) / Double(trials)
    var (inside, outside) = (share, upper ? 1.0 : 0.0)
    for _ in 0..<200 {
      let middle = (inside + outside) / 2
      let error = (middle * (1 - middle) / Double(trials)).squareRoot()
      if abs(middle - share) <= 1.959963984540054 * error {
        inside = middle
      } else {
        outside = middle
      }
    }
    return inside
  }

  private static func definition(_ table: Table) -> (Double, Double) {
    let (n, a, b) = (table.total, table.both + table.firstOnly, table.both + table.secondOnly)
    let (p, q) = (Double(a) / Double(n), Double(b) / Double(n))
    let product = Double(table.both * table.neither - table.firstOnly * table.secondOnly)
    let half = Double(n) / 2
    let corrected = product > half ? product - half : product >= 0 ? 0 : product
    let margins = Double(a) * Double(n - a) * Double(b) * Double(n - b)
    let phi = margins == 0 ? 0 : corrected / margins.squareRoot()
    func distance(_ x: Double, _ y: Double) -> Double {
      max(x * x - 2 * phi * x * y + y * y, 0).squareRoot()
    }
    let low = distance(p - wilson(a, of: n, upper: false), wilson(b, of: n, upper: true) - q)
    let high = distance(wilson(a, of: n, upper: true) - p, q - wilson(b, of: n, upper: false))
    return (p - q - low, p - q + high)
  }
}
