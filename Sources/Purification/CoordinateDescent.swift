import CupelQuantization
import CupelSupport

/// Rounds a layer by solving its quadratic problem directly: each weight in turn takes the integer
/// that lowers the objective most, given all others of its row, until none moves.
///
/// The objective of a row is ŵ·gram·ŵᵀ − 2·ŵ·targetᵀ + damping · ‖ŵ − w‖² plus, for each weight
/// within the grid that stays at its nearest integer, a penalty in proportion to its truncation
/// error:
///
///     J = ‖ŵq − y‖² + λ · Σ |w − s·near| · [not flipped]
///
/// With floor and ceiling to choose from this is EFRAP's objective on hard decisions, with one λ
/// for its error-guided term; with every integer allowed and λ = 0 it is LAC's.
package struct CoordinateDescent: RoundingSolver {
  package var choice: Recipe.Choice
  /// λ, in units of the layer's error under nearest rounding over its summed truncation errors: at
  /// 1, leaving every weight where it is costs as much as the reconstruction error does.
  package var flipWeight: Float
  /// Pull towards the float weights, as a share of the gram matrix's mean diagonal. It decides where
  /// calibration images say nothing.
  package static let damping: Float = 0.1
  package var sweeps: Int

  package init(choice: Recipe.Choice, flipWeight: Float = 0, sweeps: Int = 30) {
    (self.choice, self.flipWeight, self.sweeps) = (choice, flipWeight, sweeps)
  }

  package func solve(
    _ problem: RoundingProblem, threads: Int, progress: @Sendable (Double) -> Void
  ) throws -> [Int8] {
    let nearest = problem.layer.nearest()
    let penalty = flipWeight == 0 ? 0 : flipWeight * penaltyUnit(problem, nearest, threads)
    let steps = PieceSteps(problem, steps: 1)
    return try problem.inPieces(threads: threads) { rows in
      var descent = Descent(self, problem, rows: rows, start: nearest, penalty: penalty)
      for _ in 0..<sweeps where descent.sweep() > 0 { try Interruption.check() }
      progress(steps.advance(by: 1))
      return descent.integers
    }
  }

  /// The pull on a row's weights.
  static func damping(_ problem: RoundingProblem, row: Int) -> Float {
    let (gram, columns) = (problem.total.gram, problem.layer.columns)
    let offset = problem.gramOffset(ofRow: row)
    var trace: Float = 0
    for column in 0..<columns { trace += gram[offset + column * (columns + 1)] }
    return damping * trace / Float(max(columns, 1))
  }

  /// |w/s − near|; zero for a weight beyond the grid, which has no other side to go to.
  fileprivate static func truncation(
    _ scaled: Float, nearest: Float, limits: ClosedRange<Int>
  ) -> Float {
    let isInside = scaled >= Float(limits.lowerBound) && scaled <= Float(limits.upperBound)
    return isInside ? abs(scaled - nearest) : 0
  }

  /// Reconstruction error of nearest rounding over the sum of truncation errors.
  private func penaltyUnit(_ problem: RoundingProblem, _ nearest: [Int8], _ threads: Int) -> Float {
    let layer = problem.layer
    let error = problem.errors(nearest, threads: threads).reduce(0) { $0 + Double($1) }
    var truncation = 0.0
    for index in nearest.indices {
      let row = index / layer.columns
      let gap = Self.truncation(
        layer.weights[index] / layer.scales[row], nearest: Float(nearest[index]),
        limits: layer.limits)
      truncation += Double(gap * layer.scales[row] * abs(layer.factors[row]))
    }
    return truncation > 0 ? Float(error / truncation) : 0
  }
}

/// The state of some rows of one group.
private struct Descent {
  private let solver: CoordinateDescent
  private let rows, columns: Int
  private let gram: [Float]
  private let gramOffset: Int
  /// Added to the diagonal.
  private let damping: Float
  /// All [rows][columns]. Real weight, w/s, and the cost of staying at `near`.
  private let scaled, near, staying: [Float]
  /// Real value of one integer step, one a row.
  private let unit: [Float]
  private let low, high: Float
  private var current: [Float]
  /// Half the derivative of the quadratic part by each ŵ.
  private var residual: [Float]

  init(
    _ solver: CoordinateDescent, _ problem: RoundingProblem, rows range: Range<Int>,
    start: [Int8], penalty: Float
  ) {
    let (layer, moments) = (problem.layer, problem.total)
    self.solver = solver
    rows = range.count
    columns = layer.columns
    gram = moments.gram
    gramOffset = problem.gramOffset(ofRow: range.lowerBound)
    low = Float(layer.limits.lowerBound)
    high = Float(layer.limits.upperBound)
    unit = range.map { layer.scales[$0] * layer.factors[$0] }

    let span = problem.weights(ofRows: range)
    scaled = span.map { layer.weights[$0] / layer.scales[$0 / layer.columns] }
    near = span.map { Float(start[$0]) }
    current = near
    let units = unit
    let columnCount = columns
    staying = zip(scaled, near).enumerated().map { index, pair in
      // Nothing is cheaper than where a held weight is.
      if problem.held.contains(span.lowerBound + index) { return -.infinity }
      return penalty * abs(units[index / columnCount])
        * CoordinateDescent.truncation(pair.0, nearest: pair.1, limits: layer.limits)
    }
    damping = CoordinateDescent.damping(problem, row: range.lowerBound)

    residual = moments.product(layer.dequantize(start), rows: range, gramOffset: gramOffset)
    for index in residual.indices {
      residual[index] -= moments.target[span.lowerBound + index]
      residual[index] += damping * (current[index] - scaled[index]) * unit[index / columns]
    }
  }

  /// Visits every weight once; the number that moved.
  mutating func sweep() -> Int {
    var moved = 0
    // Taken out of self while weights move, and put back at the end.
    var residual: [Float] = []
    swap(&residual, &self.residual)
    let gram = gram
    residual.withUnsafeMutableBufferPointer { residual in
      gram.withUnsafeBufferPointer { gram in
        for column in 0..<columns {
          let line = gram.baseAddress! + gramOffset + column * columns
          // A column that no image ever lights says nothing.
          let curvature = line[column] + damping
          guard curvature > 0 else { continue }
          for row in 0..<rows {
            let index = row * columns + column
            let step = move(index, slope: residual[index], curvature: curvature, unit: unit[row])
            guard step != 0 else { continue }
            moved += 1
            current[index] += step
            let change = step * unit[row]
            let target = residual.baseAddress! + row * columns
            for other in 0..<columns { target[other] += change * line[other] }
            target[column] += change * damping
          }
        }
      }
    }
    swap(&residual, &self.residual)
    return moved
  }

  /// By how many integers a weight should move.
  @inline(__always)
  private func move(_ index: Int, slope: Float, curvature: Float, unit: Float) -> Float {
    let value = current[index]
    func cost(_ candidate: Float) -> Float {
      let change = (candidate - value) * unit
      let quadratic = (curvature * change + 2 * slope) * change
      return candidate == near[index] ? quadratic + staying[index] : quadratic
    }
    let margin = 1e-6 * curvature * unit * unit
    var best = value
    var bestCost = cost(value)
    func consider(_ candidate: Float) {
      let candidate = min(max(candidate, low), high)
      let candidateCost = cost(candidate)
      // Less by more than rounding errors, or two roundings could take turns for ever.
      if candidateCost < bestCost - margin { (best, bestCost) = (candidate, candidateCost) }
    }
    switch solver.choice {
    case .neighbours:
      let floor = scaled[index].rounded(.down)
      consider(floor)
      consider(floor + 1)
    case .integers:
      let optimum = (value - slope / (curvature * unit)).rounded(.toNearestOrEven)
      if !optimum.isNaN {
        consider(optimum)
        if staying[index] > 0 {
          consider(optimum + 1)
          consider(optimum - 1)
        }
      }
    }
    return best - value
  }

  /// [rows][columns]
  var integers: [Int8] { current.map { Int8($0) } }
}
