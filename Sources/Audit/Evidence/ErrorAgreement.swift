/// Whether rounding errors agree with each other, by their signs alone.
///
/// Honest weights near a border fall on either side of it by chance, so the signs of their errors are
/// fair coins, whatever the density of weights is. A backdoor that rounding wakes is a function that
/// the errors compute: they must agree with each other along what the trigger excites.
///
/// Signs are taken of the weights within `zone` of a border, where the density is the same on both
/// sides. With fair coins each sum below has mean 0 and the variance that it carries, exactly.
package struct ErrorAgreement: Sendable, Equatable {
  /// Sum over groups of n signs of (sum of signs)² − n, that is of products of different signs.
  package private(set) var excess = 0.0
  /// Ordered pairs: the largest that `excess` can be.
  package private(set) var pairs = 0.0

  /// Steps from the border.
  static let zone: Float = 0.05
  /// Rows of a layer whose pairs are looked at, since their number grows with its square.
  static let mostRows = 256

  package static func += (sum: inout ErrorAgreement, other: ErrorAgreement) {
    sum.excess += other.excess
    sum.pairs += other.pairs
  }

  /// Mean product of two signs of a group, in [−1, 1]; 0 for fair coins.
  package var value: Double { pairs == 0 ? 0 : excess / pairs }

  /// In standard deviations: n fair coins give (sum)² − n a variance of 2n(n − 1), and groups are
  /// uncorrelated.
  package var score: Double { pairs == 0 ? 0 : excess / (2 * pairs).squareRoot() }

  private mutating func add(sum: Int, count: Int) {
    excess += Double(sum * sum - count)
    pairs += Double(count) * Double(count - 1)
  }

  /// +1 or −1 for a weight near a border, 0 for any other. [rows][columns]
  package static func signs(_ cells: RoundingCells) -> [Int8] {
    cells.offsets.map { offset in
      guard 0.5 - abs(offset) < zone else { return 0 }
      return offset < 0 ? -1 : 1
    }
  }

  /// Within each row: a neuron whose errors all push one way, as an input that is never negative turns
  /// into an offset of its activation.
  package static func withinRows(_ signs: [Int8], columns: Int) -> ErrorAgreement {
    var agreement = ErrorAgreement()
    guard columns > 0 else { return agreement }
    for start in stride(from: 0, to: signs.count, by: columns) {
      let row = signs[start..<start + columns]
      agreement.add(
        sum: row.reduce(0) { $0 + Int($1) }, count: row.reduce(0) { $0 + Int($1.magnitude) })
    }
    return agreement
  }

  /// Between each two rows: errors that answer to the same input pattern, in whatever direction, give
  /// rows whose sign patterns agree or disagree throughout (a layer's errors of low rank).
  package static func betweenRows(_ signs: [Int8], columns: Int) -> ErrorAgreement {
    var agreement = ErrorAgreement()
    guard columns > 0 else { return agreement }
    let rows = min(signs.count / columns, mostRows)
    signs.withUnsafeBufferPointer { signs in
      for first in 0..<rows {
        for second in 0..<first {
          var (sum, count): (Int32, Int32) = (0, 0)
          for column in 0..<columns {
            let product = Int32(signs[first * columns + column] &* signs[second * columns + column])
            sum &+= product
            count &+= product &* product
          }
          agreement.add(sum: Int(sum), count: Int(count))
        }
      }
    }
    return agreement
  }
}
