import CupelQuantization

/// Chooses a layer's weight scales by what the rounded layer gives, instead of by the largest
/// weight: an outlier that stretches a row's grid without doing anything for its output is cut off.
package enum ScaleFit {
  /// Shares of the scale that covers every weight.
  private static let shares: [Float] =
    stride(from: 100, through: 10, by: -5).map { Float($0) / 100 } + [0.07, 0.05]

  /// - Parameter granularity: under `.perTensor` all rows keep one share.
  /// - Returns: the layer with the scales under which nearest rounding reconstructs best.
  package static func fitted(
    _ problem: RoundingProblem, granularity: Scheme.Granularity, threads: Int
  ) -> WeightedLayer {
    let layer = problem.layer
    var best = layer.scales
    var bestErrors = [Float](repeating: .infinity, count: layer.rows)
    var bestSum = Double.infinity
    for share in shares {
      var candidate = problem
      for row in 0..<layer.rows {
        candidate.layer.scales[row] = layer.shrunkScale(row, by: share)
      }
      let integers = candidate.layer.nearest()
      let errors = zip(candidate.errors(integers, threads: threads), pulls(candidate, integers))
        .map { $0 + $1 }
      switch granularity {
      case .perTensor:
        let sum = errors.reduce(0) { $0 + Double($1) }
        if sum < bestSum { (best, bestSum) = (candidate.layer.scales, sum) }
      case .perChannel:
        for row in 0..<layer.rows where errors[row] < bestErrors[row] {
          (best[row], bestErrors[row]) = (candidate.layer.scales[row], errors[row])
        }
      }
    }
    var fitted = layer
    fitted.scales = best
    return fitted
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
