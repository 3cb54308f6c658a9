import CupelFloatGraph
import CupelSupport

/// Slopes measured by stepping to both sides.
enum FiniteDifferences {
  /// The derivatives of `loss` by some elements of `values`, for every `stride`-th of them.
  static func slopes(
    of values: [Float], every stride: Int = 1, step: Float = 0x1p-6,
    _ loss: ([Float]) throws -> Double
  ) rethrows -> [(index: Int, slope: Double)] {
    try Swift.stride(from: 0, to: values.count, by: stride).map { index in
      var moved = values
      moved[index] = values[index] + step
      let above = try loss(moved)
      let upper = moved[index]
      moved[index] = values[index] - step
      let below = try loss(moved)
      return (index, (above - below) / Double(upper - moved[index]))
    }
  }

  /// The largest difference between `gradient` and the slopes, over the largest slope (at least 1).
  static func disagreement(
    _ gradient: [Float], _ slopes: [(index: Int, slope: Double)]
  ) -> Double {
    let largest = slopes.map { abs($0.slope) }.max() ?? 0
    let worst = slopes.map { abs(Double(gradient[$0.index]) - $0.slope) }.max() ?? 0
    return worst / max(largest, 1)
  }
}

/// Σ weights · values, in double.
func weightedSum(_ values: [Float], _ weights: [Float]) -> Double {
  zip(values, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}

/// A number's place on a lattice with steps of 1/8, shuffled and shifted by 1/16, so that no two
/// elements come within a finite difference of each other or of a multiple of 1/8.
func lattice(_ count: Int, generator: inout SeededGenerator) -> [Float] {
  (0..<count).shuffled(using: &generator).map { Float($0 - count / 2) / 8 + 1 / 16 }
}
