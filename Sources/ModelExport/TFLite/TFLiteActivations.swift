import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Fused activations, and what stands for bounds that none of them has.
extension TFLiteExporter {
  typealias Rest = (inout TFLiteExporter) -> Void

  /// The activation that an operator can apply itself, the tensor that it is to write, and what is
  /// to follow it.
  mutating func activation(
    low: Int8, high: Int8, of output: Int
  ) -> (activation: TFLite.Activation, target: Int, rest: Rest?) {
    if let fused = fused(low: low, high: high, on: program.tensors[output]) {
      return (fused, places[output], nil)
    }
    let target = temporary(like: output, suffix: "/unbounded")
    return (.none, target, { $0.limit(target, low: low, high: high, to: output) })
  }

  /// Bounds as the kernels work them out of an activation's real ones.
  private func fused(low: Int8, high: Int8, on grid: IntegerTensor) -> TFLite.Activation? {
    func position(_ real: Float) -> Int {
      let steps = (real / grid.scale).rounded(.toNearestOrAwayFromZero)
      return grid.zeroPoint + Int(min(max(steps, -1024), 1024))
    }
    let bounds = (Int(low), Int(high))
    let zero = max(-128, position(0))
    if bounds == (-128, 127) { return TFLite.Activation.none }
    if bounds == (zero, 127) { return .relu }
    if bounds == (zero, min(127, position(6))) { return .relu6 }
    if bounds == (max(-128, position(-1)), min(127, position(1))) { return .reluN1To1 }
    return nil
  }

  /// Limits values by MAXIMUM and MINIMUM with a constant, of which only those are written that may
  /// act on values in `range`.
  mutating func limit(
    _ source: Int, low: Int8, high: Int8, outside range: ClosedRange<Int> = -128...127,
    to output: Int
  ) {
    let name = program.tensors[output].name
    let raises = Int(low) > range.lowerBound
    let lowers = Int(high) < range.upperBound
    var source = source
    if raises {
      let bound = constant(low, onGridOf: output, name: name + "/low")
      let target = lowers ? temporary(like: output, suffix: "/raised") : places[output]
      append(TFLiteRow(.maximum, version: 2), [source, bound], target)
      source = target
    }
    if lowers || !raises {
      let bound = constant(high, onGridOf: output, name: name + "/high")
      append(TFLiteRow(.minimum, version: 2), [source, bound], places[output])
    }
  }
}
