import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

/// Fused activations, and what stands for bounds that none of them has.
extension TFLiteExporter {
  /// Writes an operator that limits its results: by an activation that it applies itself, or by
  /// what follows it.
  ///
  /// - Parameter own: writes the operator itself, with an activation, to a tensor.
  mutating func write(
    within bounds: some Bounded, _ own: (inout TFLiteExporter, TFLite.Activation, Int) -> Void
  ) {
    if let fused = fused(bounds) { return own(&self, fused, target) }
    let unbounded = temporary("/unbounded")
    own(&self, .none, unbounded)
    limit(unbounded, within: bounds)
  }

  /// The activation whose real bounds the kernels bring to these.
  private func fused(_ bounds: some Bounded) -> TFLite.Activation? {
    let grid = output
    func position(_ real: Float) -> Int {
      let steps = (real / grid.scale).rounded(.toNearestOrAwayFromZero)
      return grid.zeroPoint + Int(min(max(steps, -131072), 131072))
    }
    let bounds = (Int(bounds.low), Int(bounds.high))
    let (low, high) = (typeLimits.lowerBound, typeLimits.upperBound)
    let zero = max(low, position(0))
    if bounds == (low, high) { return TFLite.Activation.none }
    if bounds == (zero, high) { return .relu }
    if bounds == (zero, min(high, position(6))) { return .relu6 }
    if bounds == (max(low, position(-1)), min(high, position(1))) { return .reluN1To1 }
    return nil
  }

  /// What the output's type holds, in which a grid of 4 bits is int8.
  var typeLimits: ClosedRange<Int> { output.grid.isWide ? -32768...32767 : -128...127 }

  /// Limits values by MAXIMUM and MINIMUM with a constant, of which only those are written that may
  /// act on values in `range`; nil for all that the output's type holds.
  mutating func limit(
    _ source: Int, within bounds: some Bounded, outside range: ClosedRange<Int>? = nil
  ) {
    let range = range ?? typeLimits
    let (tensor, name) = (operation.output, output.name)
    let raises = Int(bounds.low) > range.lowerBound
    let lowers = Int(bounds.high) < range.upperBound
    var source = source
    if raises {
      let bound = constant(bounds.low, onGridOf: tensor, name: name + "/low")
      let raised = lowers ? temporary("/raised") : target
      append(.maximum, version: 2, [source, bound], raised)
      source = raised
    }
    if lowers || !raises {
      let bound = constant(bounds.high, onGridOf: tensor, name: name + "/high")
      append(.minimum, version: 2, [source, bound], target)
    }
  }
}
