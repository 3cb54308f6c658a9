import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter

extension IntegerProgram {
  /// The weights of the weighted operations, [rows][columns] each, in execution order and in the order
  /// of a float graph's weights: input channels before the kernel's places.
  public var weightsInGraphOrder: [[Int8]] {
    operations.compactMap { operation in
      guard let own = operation.kind.payload as? any WeightedOperator,
        let weights = operation.kind.weights
      else { return nil }
      let places = own.places(input: tensors[operation.inputs[0]].shape)
      let blocks = type(of: own).channelsAreColumns ? 1 : weights.bias.count
      guard blocks > 0, places > 0 else { return weights.weights }
      let columns = weights.weights.count / blocks / places
      guard weights.weights.count == blocks * places * columns else { return weights.weights }
      return Transposition(rows: places, columns: columns)(weights.weights)
    }
  }

  /// Bits of the widest weights: 8 or 4.
  public var weightBits: Int {
    operations.reduce(4) { max($0, $1.kind.weights?.bits ?? 4) }
  }
}
