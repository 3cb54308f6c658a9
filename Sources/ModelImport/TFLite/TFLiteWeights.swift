import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Filters and biases of int8 models: weights and scales as they are.
extension TFLiteIntegerConverter {
  /// A filter as it is stored.
  struct Weights {
    var shape: [Int]
    /// 8 or 4.
    var bits: Int
    /// Unpacked.
    var values: [Int8]
    /// One, or one an output channel.
    var scales: [Float]
  }

  /// The filter of a node: int8 or int4, symmetric, with one scale or one along `axis`.
  mutating func weights(axis: Int) throws(ImportError) -> Weights {
    let (tensor, bytes, count) = try node.data(1, type: [.int8, .int4], what: "a filter")
    try claim(count, size: 1)
    try node.support(!tensor.hasQuantizationDetails, "a filter quantized in blocks")
    try node.support(tensor.zeroPoints.allSatisfy({ $0 == 0 }), "a filter with a zero point")
    let channels = tensor.shape.indices.contains(axis) ? tensor.shape[axis] : 0
    guard
      tensor.scales.count == 1
        || (tensor.scales.count == channels && tensor.quantizedDimension == axis)
    else {
      throw node.error(
        "\(tensor.scales.count) scales along axis \(tensor.quantizedDimension) of a filter of "
          + "shape \(tensor.shape)")
    }
    guard tensor.scales.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw node.error("a filter's scale is negative or not finite")
    }
    let isPacked = tensor.type == .int4
    return Weights(
      shape: tensor.shape, bits: isPacked ? 4 : 8,
      values: isPacked
        ? (0..<count).map { TFLiteReal.int4(bytes, $0) } : bytes.map(Int8.init(bitPattern:)),
      scales: tensor.scales)
  }

  /// Bias, scales and activation of a node around its filter.
  mutating func weighted(
    _ weights: Weights, bias position: Int = 2, input: Int, outputs: Int,
    activation: Int, isFullyConnected: Bool = false
  ) throws(ImportError) -> IntegerOperation.Weighted {
    // A bias, and what a channel's scales take.
    try claim(outputs, size: 20)
    let output = try description(try node.output())
    let scales =
      weights.scales.count == 1
      ? Array(repeating: weights.scales[0], count: outputs) : weights.scales
    let limits = output.limits(try node.bounds(activation))
    let bias = try bias(position, count: outputs)
    return try node.built { () throws(BuildError) in
      try builder.weighted(
        weights.values, bits: weights.bits, bias: bias, scales: scales, from: input,
        to: output.grid, within: limits, isFullyConnected: isFullyConnected)
    }
  }

  private func bias(_ position: Int, count: Int) throws(ImportError) -> [Int32] {
    guard node.inputs.count > position, node.inputs[position] >= 0 else {
      return Array(repeating: 0, count: count)
    }
    let (_, bytes, stored) = try node.data(position, type: [.int32], what: "a bias")
    try node.require(stored == count, "\(stored) biases for \(count) outputs")
    return bytes.withUnsafeBytes { raw in
      (0..<count).map {
        Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
      }
    }
  }
}
