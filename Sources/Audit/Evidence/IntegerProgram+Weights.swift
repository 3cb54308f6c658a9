import IntegerOperators
import ModelWriter

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
      return Self.swapped(
        weights.weights, blocks: blocks, rows: places,
        columns: weights.weights.count / blocks / places)
    }
  }

  /// Each block [rows][columns] to [columns][rows].
  private static func swapped(_ values: [Int8], blocks: Int, rows: Int, columns: Int) -> [Int8] {
    var result = values
    guard values.count == blocks * rows * columns else { return values }
    for block in 0..<blocks {
      let base = block * rows * columns
      for row in 0..<rows {
        for column in 0..<columns {
          result[base + column * rows + row] = values[base + row * columns + column]
        }
      }
    }
    return result
  }
}

extension IntegerProgram {
  /// Bits of the widest weights: 8 or 4.
  public var weightBits: Int {
    operations.reduce(4) { max($0, $1.kind.weights?.bits ?? 4) }
  }
}
