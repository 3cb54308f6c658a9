import CupelQuantization

/// How a vendor's integer weights compare with nearest rounding of the float model that they are said
/// to come from.
///
/// An honest converter rounds to nearest: `moved` is 0, whatever way it chooses its scales. A toolchain
/// that chooses rounding directions moves many weights by one step although they lie far from a border.
/// That can be an attack (QuRA, arXiv 2510.09647) or meant well (AdaRound, GPTQ, purification, Cupel's
/// own included, whose files say so): the census cannot tell which. It says that what is deployed is not
/// what the float model was audited for, so that the integer file has to be audited itself.
public struct RoundingCensus: Sendable, Codable, Equatable {
  /// Of all layers together.
  public var whole: Counts
  /// In the plan's order.
  public var layers: [Layer]
  /// Largest relative difference, ≥ 0, between a stated scale and the nearest one on which its row's
  /// integers are nearest roundings, over rows where there is such a scale; nil where no scales were
  /// given. Above 0.01 or so, the real weights are not the float model's though the integers are.
  @OrNull public var scaleDeviation: Double?

  /// Counts of weights. Rows whose integers are all zero, or do not follow the weights at all, have no
  /// scale: the first are left out, all weights of the second count as moved far.
  public struct Counts: Sendable, Codable, Equatable {
    /// Weights that were counted.
    public var weights = 0
    /// Integers that are not the nearest to the weight, on the scale that explains most of the row.
    public var moved = 0
    /// Of these, weights that lie at least `RoundingCensus.far` steps from a border of their cell: no
    /// tie and no slightly different scale explains them.
    public var movedFar = 0
    /// Moved weights by how many steps: one, two, more.
    public var bySteps = [0, 0, 0]

    /// Share of all weights, in [0, 1].
    public var movedFarShare: Double { weights == 0 ? 0 : Double(movedFar) / Double(weights) }
  }

  /// The counts of one layer.
  public struct Layer: Sendable, Codable, Equatable {
    /// As in the model's file.
    public var name: String
    /// Of this layer's weights.
    public var counts: Counts
  }

  /// Steps from the border of the cell.
  public static let far = 0.1
  /// Share of weights moved far above which the integers are not nearest rounding. Less may be a few
  /// rows with scales that no single number explains.
  public static let tolerance = 0.002

  /// Whether these are nearest roundings, on some scale for each row.
  public var isNearest: Bool { whole.movedFarShare <= Self.tolerance }

  /// - Parameters:
  ///   - plan: of the float model under the file's scheme.
  ///   - integers: the file's weights, [rows][columns] a layer, in the plan's order.
  ///   - scales: the file's, one a row, of what the plan rounds (without BatchNorm's factor under
  ///     `.pre`); nil where they are not known.
  /// - Throws: `AuditError.data` where the numbers of layers, weights or scales differ.
  public init(
    plan: QuantizationPlan, integers: [[Int8]], scales: [[Float]]? = nil
  ) throws(AuditError) {
    try self.init(layers: plan.layers, integers: integers, scales: scales)
  }

  package init(
    layers: [WeightedLayer], integers: [[Int8]], scales: [[Float]]? = nil
  ) throws(AuditError) {
    guard integers.count == layers.count, scales == nil || scales?.count == layers.count else {
      throw .data(
        rule: "the float model has \(layers.count) layers with weights and the integer file "
          + "\(integers.count)")
    }
    whole = Counts()
    self.layers = []
    scaleDeviation = scales == nil ? nil : 0
    for (number, layer) in layers.enumerated() {
      let own = scales?[number]
      guard integers[number].count == layer.weights.count,
        layer.weights.count == layer.rows * layer.columns, own == nil || own?.count == layer.rows
      else {
        throw .data(
          rule: "layer '\(layer.name)' has \(layer.rows) rows of \(layer.columns) weights in the "
            + "float model, and the integer file has \(integers[number].count) weights"
            + (own.map { " and \($0.count) scales" } ?? ""))
      }
      var counts = Counts()
      for row in 0..<layer.rows {
        let match = counts.add(row, of: layer, integers: integers[number])
        if let match, let stated = own?[row], match.explained == layer.columns {
          scaleDeviation = max(scaleDeviation ?? 0, match.deviation(of: Double(stated)))
        }
      }
      self.layers.append(Layer(name: layer.name, counts: counts))
      whole += counts
    }
  }
}

extension RoundingCensus.Counts {
  /// Counts a row; gives the scales on which it was judged.
  fileprivate mutating func add(
    _ row: Int, of layer: WeightedLayer, integers: [Int8]
  ) -> MatchingScale? {
    let range = row * layer.columns..<(row + 1) * layer.columns
    guard integers[range].contains(where: { $0 != 0 }) else { return nil }
    // A file may use the full range where the scheme does not.
    let lowest = min(layer.limits.lowerBound, Int(integers[range].min() ?? 0))
    let limits = lowest...layer.limits.upperBound
    weights += layer.columns
    guard
      let match = MatchingScale(
        weights: layer.weights[range], integers: integers[range], limits: limits)
    else {
      moved += layer.columns
      movedFar += layer.columns
      bySteps[2] += layer.columns
      return nil
    }
    for index in range {
      let place = Double(layer.weights[index]) / match.scale
      add(place: place, integer: Int(integers[index]), limits: limits)
    }
    return match
  }

  private mutating func add(place: Double, integer: Int, limits: ClosedRange<Int>) {
    let low = Double(limits.lowerBound)
    let high = Double(limits.upperBound)
    let held = min(max(place, low), high)
    let distance = abs(held - Double(integer))
    // A tie may go either way.
    guard distance > 0.5 + Self.tie else { return }
    moved += 1
    if distance >= 0.5 + RoundingCensus.far { movedFar += 1 }
    let steps = Int((distance + 0.5 - Self.tie).rounded(.down))
    bySteps[min(max(steps, 1), 3) - 1] += 1
  }

  /// Of float32 arithmetic at the largest integers, in steps.
  private static let tie = 1e-4

  fileprivate static func += (sum: inout Self, other: Self) {
    sum.weights += other.weights
    sum.moved += other.moved
    sum.movedFar += other.movedFar
    sum.bySteps = zip(sum.bySteps, other.bySteps).map(+)
  }
}
