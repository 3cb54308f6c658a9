import CupelQuantization

/// Chooses a layer's weight scales by what the rounded layer gives, instead of by the largest
/// weight: an outlier that stretches a row's grid without doing anything for its output is cut off.
package enum ScaleFit {
  /// Shares of the scale that covers every weight.
  private static let shares: [Float] =
    stride(from: 100, through: 10, by: -5).map { Float($0) / 100 } + [0.07, 0.05]
  /// Distances between the shares that are tried at first, and then on both sides of the best one.
  private static let (coarse, refinements) = (4, [2, 1])

  /// The error falls and then rises as a scale shrinks, so that a row's best share is found from
  /// coarse to fine.
  ///
  /// - Parameter granularity: under `.perTensor` all rows keep one share.
  /// - Returns: the layer with the scales under which nearest rounding reconstructs best.
  package static func fitted(
    _ problem: RoundingProblem, granularity: Scheme.Granularity, threads: Int
  ) -> WeightedLayer {
    var search = Search(problem, isShared: granularity == .perTensor, threads: threads)
    for share in stride(from: 0, to: shares.count, by: coarse) {
      search.tryAll([Int](repeating: share, count: problem.layer.rows))
    }
    for step in refinements {
      let centers = search.best
      for offset in [-step, step] {
        search.tryAll(centers.map { min(max($0 + offset, 0), shares.count - 1) })
      }
    }
    return search.fitted
  }

  /// The best share of each row so far, by its place among `shares`.
  private struct Search {
    let problem: RoundingProblem
    let isShared: Bool
    let threads: Int
    private(set) var best: [Int]
    private(set) var fitted: WeightedLayer
    private var errors: [Float]

    init(_ problem: RoundingProblem, isShared: Bool, threads: Int) {
      (self.problem, self.isShared, self.threads) = (problem, isShared, threads)
      best = [Int](repeating: 0, count: problem.layer.rows)
      fitted = problem.layer
      errors = [Float](repeating: .infinity, count: problem.layer.rows)
    }

    /// Tries a share a row; all the same where they are shared.
    mutating func tryAll(_ tried: [Int]) {
      var candidate = problem
      for row in tried.indices {
        candidate.layer.scales[row] = problem.layer.shrunkScale(row, by: shares[tried[row]])
      }
      let integers = candidate.layer.nearest()
      var found = zip(
        candidate.errors(integers, threads: threads), ScaleFit.pulls(candidate, integers)
      ).map { $0 + $1 }
      if isShared {
        let sum = found.reduce(0) { $0 + Double($1) }
        found = found.map { _ in Float(sum) }
      }
      for row in tried.indices where found[row] < errors[row] {
        (best[row], errors[row]) = (tried[row], found[row])
        fitted.scales[row] = candidate.layer.scales[row]
      }
    }
  }

  /// damping · mean diagonal · ‖ŵ − w‖², one a row.
  private static func pulls(_ problem: RoundingProblem, _ integers: [Int8]) -> [Float] {
    let (layer, columns) = (problem.layer, problem.layer.columns)
    let rounded = layer.dequantize(integers)
    let weights = layer.effectiveWeights
    return (0..<layer.rows).map { row in
      var distance: Float = 0
      for index in row * columns..<(row + 1) * columns {
        distance += (rounded[index] - weights[index]) * (rounded[index] - weights[index])
      }
      return CoordinateDescent.damping(problem, row: row) * distance
    }
  }
}
