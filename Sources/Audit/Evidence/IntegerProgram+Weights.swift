import ModelWriter

extension IntegerProgram {
  /// The weights of the weighted operations, [rows][columns] each, in execution order and in the order
  /// of a float graph's weights: input channels before the kernel's places.
  public var weightsInGraphOrder: [[Int8]] {
    operations.compactMap { operation in
      switch operation.kind {
      case .convolution(let window, _, let weighted):
        let taps = window.kernelHeight * window.kernelWidth
        let rows = weighted.bias.count
        guard rows > 0, taps > 0 else { return weighted.weights }
        return Self.swapped(
          weighted.weights, blocks: rows, rows: taps,
          columns: weighted.weights.count / rows / taps)
      case .depthwiseConvolution(let window, let weighted):
        let taps = window.kernelHeight * window.kernelWidth
        return Self.swapped(
          weighted.weights, blocks: 1, rows: taps, columns: weighted.weights.count / max(taps, 1))
      case .fullyConnected(let weighted):
        let source = tensors[operation.inputs[0]]
        let plane = source.height * source.width
        let rows = weighted.bias.count
        guard rows > 0, weighted.weights.count == rows * plane * source.channels else {
          return weighted.weights
        }
        return Self.swapped(weighted.weights, blocks: rows, rows: plane, columns: source.channels)
      default: return nil
      }
    }
  }

  /// Each block [rows][columns] to [columns][rows].
  private static func swapped(
    _ values: [Int8], blocks: Int, rows: Int, columns: Int
  ) -> [Int8] {
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
    operations.reduce(4) { widest, operation in
      switch operation.kind {
      case .convolution(_, _, let weighted), .depthwiseConvolution(_, let weighted),
        .fullyConnected(let weighted):
        max(widest, weighted.bits)
      default: widest
      }
    }
  }
}
