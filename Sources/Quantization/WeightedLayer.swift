import CupelIntegerBuilder

/// A layer as its scheme sees it, before anyone has decided which way each
/// weight is rounded.
///
/// The real weight that integer q stands for is q · scales[row] · factors[row].
public struct WeightedLayer: Sendable {
  /// Of its unit's first node.
  public var name: String
  /// Index of its unit in the fused graph.
  public var unit: Int
  /// Output channels.
  public var rows: Int
  /// Fan-in: input channels of the group × kernel height × kernel width.
  public var columns: Int
  /// [rows][columns]: what is rounded. BatchNorm is folded in under `.post` and not under `.pre`.
  public var weights: [Float]
  /// One a row, positive. Under `.pt` they are equal, but for a row whose bias would not fit the
  /// accumulator otherwise (see `raiseScale`).
  public var scales: [Float]
  /// One a row: the BatchNorm factor that the requantization applies (1 under `.post`).
  public var factors: [Float]
  /// Folded bias, real units, one a row.
  public var bias: [Float]
  /// Of a weight: 8 or 4.
  public var bits: Int
  /// Lowest and highest integer weight.
  public var limits: ClosedRange<Int>
  /// Grid of the integers it reads.
  public var inputGrid: Grid
  /// Grid of the integers it writes.
  public var outputGrid: Grid

  /// Nearest rounding, ties to even: [rows][columns].
  public func nearest() -> [Int8] {
    perWeight { index, row in
      let integer = Int((weights[index] / scales[row]).rounded(.toNearestOrEven))
      return Int8(min(max(integer, limits.lowerBound), limits.upperBound))
    }
  }

  /// Real weights that integers stand for, BatchNorm's factor included.
  public func dequantize(_ integers: [Int8]) -> [Float] {
    perWeight { index, row in Float(integers[index]) * (scales[row] * factors[row]) }
  }

  private func perWeight<Number>(_ number: (_ index: Int, _ row: Int) -> Number) -> [Number] {
    (0..<rows).flatMap { row in
      (row * columns..<(row + 1) * columns).map { number($0, row) }
    }
  }

  /// Float weights with BatchNorm's factor: what the float network computes with.
  package var effectiveWeights: [Float] { weights.scaled(rowsBy: factors) }

  /// Whether every number here is one that integers can be made of. Folding may overflow where
  /// each number of the file is finite, and an activation can hide that from calibration.
  package var isFinite: Bool {
    [weights, factors, bias].allSatisfy { $0.allSatisfy(\.isFinite) }
      && (0..<rows).allSatisfy { scales[$0] > 0 && (scales[$0] * factors[$0]).isFinite }
  }

  /// The bias on the accumulator's grid, one a row.
  package var integerBias: [Int32] {
    (0..<rows).map { row in
      let unit = Double(inputGrid.scale) * Double(scales[row]) * Double(factors[row])
      return Int32((Double(bias[row]) / unit).rounded())
    }
  }
}

extension WeightedLayer {
  /// Whether the accumulator has room for another bias, in real units, in a row.
  package func canHold(bias: Float, inRow row: Int) -> Bool {
    let unit = Double(inputGrid.scale) * Double(scales[row]) * Double(abs(factors[row]))
    return abs(Double(bias)) <= Self.largestBias * unit
  }

  /// A share of a row's scale, or the scale itself where the bias would not fit a smaller one.
  package func shrunkScale(_ row: Int, by share: Float) -> Float {
    var shrunk = self
    shrunk.scales[row] *= share
    let isNormal = shrunk.scales[row] * abs(factors[row]) >= .leastNormalMagnitude
    return isNormal && shrunk.canHold(bias: bias[row], inRow: row)
      ? shrunk.scales[row] : scales[row]
  }

  /// Largest bias on the accumulator's grid; the rest of int32 is left to the products.
  private static let largestBias = 0x1p30
  /// Where a row's weights are all zero, its scale is free: this leaves the bias 20 bits.
  private static let deadRowBias = 0x1p20

  /// Chooses the scales of a unit's weights.
  ///
  /// A row's scale is raised where its bias would not fit the accumulator (a BatchNorm factor
  /// near zero), as TFLite's converter does: its weights then round to zero and the channel
  /// keeps its constant. One rule serves dead, nearly dead and ordinary channels.
  package init(
    name: String, unit: Int, parameters: FusedGraph.Unit.Parameters, scheme: Scheme, bits: Int,
    inputGrid: Grid, outputGrid: Grid
  ) {
    (self.name, self.unit, self.bits) = (name, unit, bits)
    (self.inputGrid, self.outputGrid) = (inputGrid, outputGrid)
    (rows, columns) = (parameters.rows, parameters.columns)
    limits = scheme.weightLimits(bits: bits)
    (weights, factors, bias) = (parameters.weights, parameters.factors, parameters.bias)
    if scheme.folding == .post {
      weights = weights.scaled(rowsBy: factors)
      factors = [Float](repeating: 1, count: rows)
    }
    scales = Self.scales(
      weights: weights, rows: rows, columns: columns, scheme: scheme, limits: limits)
    for row in 0..<rows { raiseScale(ofRow: row) }
  }

  private mutating func raiseScale(ofRow row: Int) {
    let magnitude = Double(abs(bias[row])) / Double(inputGrid.scale)
    let isDead = scales[row] * abs(factors[row]) < .leastNormalMagnitude
    if isDead {
      factors[row] = 1
      let scale =
        magnitude > 0
        ? magnitude / Self.deadRowBias : Double(outputGrid.scale) / Double(inputGrid.scale)
      scales[row] = max(Float(scale), .leastNormalMagnitude)
      for index in row * columns..<(row + 1) * columns { weights[index] = 0 }
      return
    }
    let needed = magnitude / Self.largestBias
    if Double(scales[row]) * Double(abs(factors[row])) < needed {
      scales[row] = Float(needed / Double(abs(factors[row]))) * 1.0001
    }
  }

  private static func scales(
    weights: [Float], rows: Int, columns: Int, scheme: Scheme, limits: ClosedRange<Int>
  ) -> [Float] {
    let (low, high) = (Float(limits.lowerBound), Float(limits.upperBound))
    func scale(_ values: ArraySlice<Float>) -> Float {
      // The smallest scale under which no weight is cut off: under `.full` the negative side has
      // one step more.
      let widest = values.reduce(0) { max($0, $1 / ($1 < 0 ? low : high)) }
      guard scheme.range == .mse else { return widest }
      return leastSquaresScale(values, widest: widest, low: low, high: high)
    }
    switch scheme.granularity {
    case .perTensor:
      return [Float](repeating: scale(weights[...]), count: rows)
    case .perChannel:
      return (0..<rows).map { scale(weights[$0 * columns..<($0 + 1) * columns]) }
    }
  }

  /// Of the scales 100 % … 40 % of min-max, the one with the least squared error.
  private static func leastSquaresScale(
    _ values: ArraySlice<Float>, widest: Float, low: Float, high: Float
  ) -> Float {
    var best = widest
    var bestError = Double.infinity
    for percent in stride(from: 100, through: 40, by: -1) {
      let scale = widest * Float(percent) / 100
      guard scale >= .leastNormalMagnitude else { break }
      var error = 0.0
      for value in values {
        let integer = min(max((value / scale).rounded(.toNearestOrEven), low), high)
        let difference = Double(value - integer * scale)
        error += difference * difference
      }
      if error < bestError { (best, bestError) = (scale, error) }
    }
    return best
  }
}

extension [Float] {
  /// The rows of a matrix, as many as there are factors, each times its own.
  func scaled(rowsBy factors: [Float]) -> [Float] {
    let columns = count / factors.count
    var scaled = self
    for row in factors.indices where factors[row] != 1 {
      for index in row * columns..<(row + 1) * columns { scaled[index] *= factors[row] }
    }
    return scaled
  }
}
