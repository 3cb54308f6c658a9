import CupelFloatGraph

/// A plan and the integers that someone chose for its weights: all that an integer model needs.
public struct RoundedPlan: Sendable {
  /// Grids and scales.
  public let plan: QuantizationPlan
  /// One array a layer of the plan, [rows][columns] in the float graph's order.
  public let integers: [[Int8]]

  /// - Throws: `QuantizationError.unsupported` that names the layer whose integers are too few or
  ///   too many.
  public init(_ plan: QuantizationPlan, integers: [[Int8]]) throws(QuantizationError) {
    for (layer, own) in zip(plan.layers, integers) where own.count != layer.weights.count {
      throw .unsupported(
        node: layer.name, rule: "\(own.count) integers are given for \(layer.weights.count) weights"
      )
    }
    guard integers.count == plan.layers.count else {
      throw .unsupported(
        node: plan.graph.values[plan.fused.output].name,
        rule: "integers of \(integers.count) layers are given for \(plan.layers.count)")
    }
    (self.plan, self.integers) = (plan, integers)
  }

  /// Rounds layer by layer.
  ///
  /// - Parameter round: gets a layer's number and the layer, and gives one integer a weight.
  package init(_ plan: QuantizationPlan, by round: (Int, WeightedLayer) -> [Int8]) {
    self.plan = plan
    integers = plan.layers.enumerated().map(round)
    assert(zip(plan.layers, integers).allSatisfy { $0.weights.count == $1.count })
  }

  /// A unit's rounded weights; nil for one without weights.
  package func integers(of unit: Int) -> [Int8]? { plan.fused.layer(of: unit).map { integers[$0] } }
}
