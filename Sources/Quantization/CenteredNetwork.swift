import CupelFloatGraph

/// The float network that any converter which rounds to nearest turns into a plan's integers: each
/// weight lies in the middle of its integer's cell, and each bias is the plan's.
///
/// A converter takes a row's scale, or a tensor's, from its largest weight. So the scales are the
/// plan's only where that weight has an integer at the end of the grid (`WeightedLayer.held`).
/// BatchNormalization stays a node of its own: weights are what they must be for the middle of the
/// cell to come out once it is folded in.
public struct CenteredNetwork: Sendable {
  /// The network, node by node that of the plan.
  public private(set) var graph: FloatGraph
  /// Layers for whose corrected bias the network has no place; they keep their own.
  public private(set) var uncorrected: [String] = []
  /// Weights that a converter gives another integer, by layer; only layers that have some.
  public private(set) var missed: [Missed] = []

  /// Weights of a layer whose scale a converter takes for another one.
  public struct Missed: Sendable, Equatable {
    /// Of its unit's first node.
    public var layer: String
    /// How many there are.
    public var weights: Int
  }

  /// - Parameters:
  ///   - rounded: a plan and the integers to come out.
  ///   - canReplace: whether a node's parameter, by its index in `Operation.parameters`, can
  ///     be another one.
  public init(_ rounded: RoundedPlan, canReplace: (_ node: Int, _ parameter: Int) -> Bool) {
    graph = rounded.plan.graph
    for (layer, integers) in zip(rounded.plan.layers, rounded.integers) {
      let unit = rounded.plan.fused.units[layer.unit]
      // A BatchNormalization on its own has no weights that a converter rounds.
      guard let parameters = unit.parameters, graph.nodes[unit.nodes[0]].operation.weighted != nil
      else { continue }
      let folded = rounded.plan.scheme.folding == .post ? parameters.factors : nil
      graph.nodes[unit.nodes[0]].operation.parameters[0] = layer.centers(
        integers, over: folded, keeping: parameters.weights)
      let shift = zip(layer.bias, parameters.bias).map { $0 - $1 }
      move(unit, by: shift, factors: parameters.factors, canReplace)
      let missed = layer.missed(integers, granularity: rounded.plan.scheme.granularity)
      if missed > 0 { self.missed.append(Missed(layer: layer.name, weights: missed)) }
    }
  }

  /// Moves what a unit adds, behind its BatchNormalization, where there is a place for it.
  private mutating func move(
    _ unit: FusedGraph.Unit, by shift: [Float], factors: [Float],
    _ canReplace: (_ node: Int, _ parameter: Int) -> Bool
  ) {
    guard shift.contains(where: { $0 != 0 }) else { return }
    if unit.batchNormalization != nil, canReplace(unit.nodes[1], 1) {
      return add(shift, toParameter: 1, ofNode: unit.nodes[1])
    }
    let before = zip(shift, factors).map { $0 / $1 }
    guard canReplace(unit.nodes[0], 1), before.allSatisfy(\.isFinite) else {
      return uncorrected.append(unit.name)
    }
    add(before, toParameter: 1, ofNode: unit.nodes[0])
  }

  private mutating func add(_ shift: [Float], toParameter index: Int, ofNode node: Int) {
    for row in shift.indices { graph.nodes[node].operation.parameters[index][row] += shift[row] }
  }
}

extension WeightedLayer {
  /// The weights that set scales: of each row the largest, or of the tensor where all rows share a
  /// scale; only those that nearest rounding puts at an end of the grid. Where they stay there, a
  /// converter takes the same scales from the rounded weights as from the float ones.
  ///
  /// - Returns: their places in `weights`.
  package func held(granularity: Scheme.Granularity) -> [Int] {
    let rows = 0..<self.rows
    let spans =
      granularity == .perChannel
      ? rows.map { $0 * columns..<($0 + 1) * columns } : [0..<weights.count]
    let nearest = nearest()
    return spans.compactMap { span in
      let largest = span.max { magnitude($0) < magnitude($1) }
      return largest.flatMap { limits.isEnd(nearest[$0]) ? $0 : nil }
    }
  }

  private func magnitude(_ index: Int) -> Float { abs(weights[index]) / scales[index / columns] }

  /// What integers stand for, [rows][columns], divided by a row's factor.
  ///
  /// - Parameter weights: of rows that cannot be divided: a factor of zero makes nothing of them.
  fileprivate func centers(
    _ integers: [Int8], over factors: [Float]?, keeping weights: [Float]
  ) -> [Float] {
    (0..<rows).flatMap { row in
      let span = row * columns..<(row + 1) * columns
      let scale = Double(scales[row]) / Double(factors?[row] ?? 1)
      let centers = span.map { Float(Double(integers[$0]) * scale) }
      return centers.allSatisfy(\.isFinite) ? centers : Array(weights[span])
    }
  }

  /// Weights, besides zeros, under a scale that no integer at an end of the grid keeps.
  fileprivate func missed(_ integers: [Int8], granularity: Scheme.Granularity) -> Int {
    let kept = (0..<rows).map { row in
      integers[row * columns..<(row + 1) * columns].contains { limits.isEnd($0) }
    }
    let isKept = granularity == .perTensor && kept.contains(true)
    return (0..<rows).reduce(0) { sum, row in
      guard !kept[row], !(isKept && scales[row] == scales.min()) else { return sum }
      return sum + integers[row * columns..<(row + 1) * columns].count { $0 != 0 }
    }
  }
}

extension ClosedRange<Int> {
  fileprivate func isEnd(_ integer: Int8) -> Bool {
    Int(integer) == lowerBound || Int(integer) == upperBound
  }
}
