import CupelQuantization

/// What a model's weights say about their rounding under one scheme, without any image.
///
/// Attacks that fix the rounded model first and then hide it from the float model (PQBackdoor) push
/// weights to the borders of their rounding cells, and errors of one neuron in one direction. Attacks
/// that train both models at once with straight-through rounding (Qu-ANTI-zation, CompArtifact) leave
/// hardly a trace here: no more than honest training with quantization in mind does. So this evidence
/// can accuse and cannot acquit.
///
/// Attacks on networks with little fan-in widen cells by outliers (`outlierShare`). So does honest
/// training with outliers, which is no evidence by itself.
public struct WeightEvidence: Sendable, Codable, Equatable {
  /// All layers taken together.
  public var whole: Measures
  /// In the plan's order.
  public var layers: [Layer]

  /// Numbers about a set of weights. Those at the end of the grid, exact zeros and rows that round to
  /// zero as a whole are left out.
  public struct Measures: Sendable, Codable, Equatable {
    /// Weights that count.
    public var weights: Int
    /// Share of weights within 0.002 steps of a border of their cell, in [0, 1]. 0.004 where weights
    /// are spread evenly, less where cells are so wide that most weights round to zero.
    public var pinnedShare: Double
    /// Weights within 0.02 steps of a border over what those 0.04 to 0.12 steps away let expect, less
    /// one; ≥ −1. About 0 for any smooth density of weights; training with 4-bit rounding in mind
    /// gives up to 0.1 (weights that swing about a border), projection into cells 0.8 to 9.
    public var borderExcess: Double
    /// The same in standard deviations of counts.
    public var borderScore: Double
    /// Share of weights within 0.002 steps of an integer, in [0, 1]: 0.004 where spread evenly, near 1
    /// where the weights were rounded on this grid before the file was written.
    public var onGridShare: Double
    /// Mean square of the rounding errors of weights that do not round to zero, times 12, in [0, 3]:
    /// 1 where spread evenly, above where weights keep to the borders, below where they keep to
    /// integers. Wide cells alone take it to 0.3 or 1.7.
    public var errorPower: Double
    /// Mean product of the signs of two errors in one row, of weights within 0.05 steps of a border;
    /// in [−1, 1]. 0 in honest models, whatever their cells: see `ErrorAgreement`.
    public var rowAgreement: Double
    /// The same in standard deviations: within ±2.1 in 36 honest models at 8 and 4 bits, at least 228 in
    /// 15 PQBackdoor ones under the attacked scheme.
    public var rowScore: Double
    /// Mean agreement between two rows' patterns of such signs, in [−1, 1]; 0 in honest models.
    public var patternAgreement: Double
    /// The same in standard deviations.
    public var patternScore: Double
    /// Share of rows whose largest weight is more than 3 times the second largest, in [0, 1].
    public var outlierShare: Double
    /// Median over rows of the largest magnitude over the second largest, ≥ 1 (1 without rows).
    public var peakRatio: Double
  }

  /// The evidence of one layer.
  public struct Layer: Sendable, Codable, Equatable {
    /// As in the model's file.
    public var name: String
    /// Of this layer's weights.
    public var measures: Measures
    /// Largest deviation of a row's root mean square error from the layer's median, in robust standard
    /// deviations (1.4826 · median absolute deviation). Fewer than 8 rows give 0. Rows of honest layers
    /// reach 5; shapes that differ from row to row (wide cells, a scale per tensor) 30.
    public var errorNormDeviation: Double
    /// The rows whose errors point one way most, worst first; at most `neuronsListed`.
    public var neurons: [Neuron]
  }

  /// An output channel whose rounding errors are out of the ordinary.
  public struct Neuron: Sendable, Codable, Equatable {
    /// Output channel, from 0.
    public var row: Int
    /// Root mean square of its rounding errors, in steps: 0.289 where spread evenly.
    public var errorNorm: Double
    /// Sum of its errors over the root of the sum of their squares: about standard normal in honest
    /// layers. Weights that round to zero are left out.
    public var errorSum: Double
  }

  /// Rows of a layer that are listed.
  public static let neuronsListed = 3

  /// - Parameter plan: its scales say where the weights' rounding cells lie.
  public init(_ plan: QuantizationPlan) {
    self.init(plan.layers)
  }

  package init(_ layers: [WeightedLayer]) {
    var whole = MeasureSums()
    self.layers = layers.map { layer in
      let cells = RoundingCells(layer)
      let sums = MeasureSums(layer, cells)
      let errors = RowErrors(cells)
      whole += sums
      return Layer(
        name: layer.name, measures: sums.measures,
        errorNormDeviation: errors.largestNormDeviation,
        neurons: errors.mostOneSided(Self.neuronsListed))
    }
    self.whole = whole.measures
  }

  /// Where each layer's weights lie in their cells, for pictures.
  public static func histograms(
    _ plan: QuantizationPlan, bins: Int = 50
  ) -> [Exhibits.CellHistogram] {
    plan.layers.map {
      Exhibits.CellHistogram(layer: $0.name, counts: RoundingCells($0).histogram(bins: bins))
    }
  }
}

/// What `Measures` are made of; sums of layers are those of the network.
private struct MeasureSums {
  private var cells = CellCounts()
  private var rows = ErrorAgreement()
  private var patterns = ErrorAgreement()
  private var peakRatios: [Double] = []

  init() {}

  init(_ layer: WeightedLayer, _ cells: RoundingCells) {
    self.cells = CellCounts(cells)
    let signs = ErrorAgreement.signs(cells)
    rows = .withinRows(signs, columns: layer.columns)
    patterns = .betweenRows(signs, columns: layer.columns)
    peakRatios = (0..<layer.rows).compactMap(layer.peakRatio)
  }

  static func += (sum: inout MeasureSums, other: MeasureSums) {
    sum.cells += other.cells
    sum.rows += other.rows
    sum.patterns += other.patterns
    sum.peakRatios += other.peakRatios
  }

  /// A row with such a peak is an outlier's.
  private static let outlier = 3.0

  var measures: WeightEvidence.Measures {
    .init(
      weights: cells.weights, pinnedShare: cells.pinnedShare, borderExcess: cells.borderExcess,
      borderScore: cells.borderScore, onGridShare: cells.onGridShare,
      errorPower: cells.errorPower, rowAgreement: rows.value, rowScore: rows.score,
      patternAgreement: patterns.value, patternScore: patterns.score,
      outlierShare: peakRatios.isEmpty
        ? 0 : Double(peakRatios.count { $0 > Self.outlier }) / Double(peakRatios.count),
      peakRatio: peakRatios.isEmpty ? 1 : peakRatios.median)
  }
}

/// The rounding errors of a layer's rows.
private struct RowErrors {
  private var neurons: [WeightEvidence.Neuron] = []
  /// Rows that a median needs to mean something.
  private static let fewestRows = 8
  /// Makes the median absolute deviation of a normal distribution its standard deviation.
  private static let normal = 1.4826

  init(_ cells: RoundingCells) {
    for row in 0..<cells.rows {
      let range = row * cells.columns..<(row + 1) * cells.columns
      var (count, squares, sum, summed) = (0, 0.0, 0.0, 0.0)
      for index in range where !cells.offsets[index].isNaN {
        // The error of the rounded weight is the offset's negative.
        let error = -Double(cells.offsets[index])
        count += 1
        squares += error * error
        guard cells.isBeyondZero[index] else { continue }
        sum += error
        summed += error * error
      }
      guard count > 0 else { continue }
      neurons.append(
        .init(
          row: row, errorNorm: (squares / Double(count)).squareRoot(),
          errorSum: summed > 0 ? sum / summed.squareRoot() : 0))
    }
  }

  var largestNormDeviation: Double {
    guard neurons.count >= Self.fewestRows else { return 0 }
    let median = neurons.map(\.errorNorm).median
    let deviations = neurons.map { abs($0.errorNorm - median) }
    let spread = Self.normal * deviations.median
    return spread > 0 ? deviations.reduce(0, max) / spread : 0
  }

  func mostOneSided(_ count: Int) -> [WeightEvidence.Neuron] {
    let sorted = neurons.sorted {
      (abs($0.errorSum), -$0.row) > (abs($1.errorSum), -$1.row)
    }
    return Array(sorted.prefix(count))
  }
}

extension WeightedLayer {
  /// A row's largest magnitude over its second largest; nil where the second is zero.
  fileprivate func peakRatio(_ row: Int) -> Double? {
    var (first, second): (Float, Float) = (0, 0)
    for weight in weights[row * columns..<(row + 1) * columns] {
      let magnitude = abs(weight)
      if magnitude > first {
        (first, second) = (magnitude, first)
      } else {
        second = max(second, magnitude)
      }
    }
    return second > 0 ? Double(first) / Double(second) : nil
  }
}
