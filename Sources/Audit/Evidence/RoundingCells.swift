import CupelQuantization

/// Where a layer's weights lie within their rounding cells.
///
/// A weight of w/s steps lies in the cell around the nearest integer, at an offset in [−0.5, 0.5]; at
/// ±0.5 is the border to the next cell. Weights that say nothing are not counted: those at the end of
/// the grid (they set the scale, or are cut off by it), exact zeros (pruned), and rows whose weights
/// all round to zero (their scale is not the weights').
package struct RoundingCells: Sendable {
  package let rows: Int
  package let columns: Int
  /// In steps, in [−0.5, 0.5]; NaN where a weight is not counted. [rows][columns]
  package let offsets: [Float]
  /// Whether a weight is counted and rounds to another integer than zero. Around zero the density of
  /// weights has its peak, so that offsets in that cell are never spread evenly.
  package let isBeyondZero: [Bool]

  /// A weight so close to the grid's end, as a share of it, sets the scale.
  private static let end: Float = 1e-5

  package init(_ layer: WeightedLayer) {
    rows = layer.rows
    columns = layer.columns
    var offsets = [Float](repeating: .nan, count: layer.weights.count)
    var isBeyondZero = [Bool](repeating: false, count: layer.weights.count)
    let low = Float(layer.limits.lowerBound) * (1 - Self.end)
    let high = Float(layer.limits.upperBound) * (1 - Self.end)
    for row in 0..<layer.rows {
      let range = row * layer.columns..<(row + 1) * layer.columns
      let scale = layer.scales[row]
      guard layer.weights[range].contains(where: { abs($0 / scale) > 0.5 }) else { continue }
      for index in range where layer.weights[index] != 0 {
        let place = layer.weights[index] / scale
        guard place > low, place < high else { continue }
        let integer = place.rounded(.toNearestOrEven)
        offsets[index] = place - integer
        isBeyondZero[index] = integer != 0
      }
    }
    self.offsets = offsets
    self.isBeyondZero = isBeyondZero
  }

  /// Counts over [−0.5, 0.5] in equal bins.
  package func histogram(bins: Int) -> [Int] {
    var counts = [Int](repeating: 0, count: bins)
    for offset in offsets where !offset.isNaN {
      counts[min(max(Int((offset + 0.5) * Float(bins)), 0), bins - 1)] += 1
    }
    return counts
  }
}

/// How many weights lie where in their cells. Sums of layers are those of the network.
package struct CellCounts: Sendable, Equatable {
  /// Counted weights.
  package var weights = 0
  /// Within `pin` of a border.
  package var pinned = 0
  /// Within `border` of one.
  package var border = 0
  /// At a distance in `neighbours` of one.
  package var neighbours = 0
  /// Within `pin` of an integer.
  package var onGrid = 0
  /// Weights that do not round to zero, and the sum of their offsets' squares.
  package var beyondZero = 0
  package var squares = 0.0

  /// Steps. A projection that keeps weights within their cells leaves them a thousandth inside.
  static let pin: Float = 0.002
  static let border: Float = 0.02
  /// Far enough from the border not to share what piles up there, near enough for the density to be
  /// the same: what lies on both sides of a border adds up to a constant where the density is linear.
  static let neighbours: Range<Float> = 0.04..<0.12

  package init() {}

  package init(_ cells: RoundingCells) {
    for (offset, isBeyondZero) in zip(cells.offsets, cells.isBeyondZero) where !offset.isNaN {
      let distance = 0.5 - abs(offset)
      weights += 1
      if distance < Self.pin { pinned += 1 }
      if distance < Self.border { border += 1 }
      if Self.neighbours.contains(distance) { neighbours += 1 }
      if abs(offset) < Self.pin { onGrid += 1 }
      if isBeyondZero {
        beyondZero += 1
        squares += Double(offset) * Double(offset)
      }
    }
  }

  package static func += (sum: inout CellCounts, other: CellCounts) {
    sum.weights += other.weights
    sum.pinned += other.pinned
    sum.border += other.border
    sum.neighbours += other.neighbours
    sum.onGrid += other.onGrid
    sum.beyondZero += other.beyondZero
    sum.squares += other.squares
  }

  /// Width of the border zone over that of its neighbours.
  private static let ratio = Double(border) / Double(neighbours.upperBound - neighbours.lowerBound)

  /// Weights at the border that its neighbours let expect. An attack may leave no neighbour at all: one
  /// is then counted, so that the excess stays a number.
  private var expected: Double { Self.ratio * Double(max(neighbours, 1)) }

  /// Weights at the border over those that its neighbours let expect, less one; 0 without any.
  package var borderExcess: Double {
    border + neighbours == 0 ? 0 : Double(border) / expected - 1
  }

  /// The excess in standard deviations of counts: both zones' vary as Poisson's.
  package var borderScore: Double {
    guard border + neighbours > 0 else { return 0 }
    return (Double(border) - expected) / (expected * (1 + Self.ratio)).squareRoot()
  }

  package var pinnedShare: Double { weights == 0 ? 0 : Double(pinned) / Double(weights) }
  package var onGridShare: Double { weights == 0 ? 0 : Double(onGrid) / Double(weights) }
  package var errorPower: Double { beyondZero == 0 ? 1 : 12 * squares / Double(beyondZero) }
}
