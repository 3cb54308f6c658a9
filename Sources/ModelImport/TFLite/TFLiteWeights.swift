import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Filters and biases of int8 models: weights and scales as they are.
extension TFLiteIntegerConverter {
  /// A filter as programs hold it.
  struct Weights {
    var shape: [Int]
    var type: TFLite.ElementType
    /// 8 or 4.
    var bits: Int { type == .int4 ? 4 : 8 }
    /// Unpacked.
    var values: WideWeights
    /// One, or one an output channel.
    var scales: [Float]
  }

  /// The filter of a node: int8 or int4, symmetric, with one scale or one along `axis`; or uint8
  /// with one scale and any zero point.
  mutating func weights(axis: Int) throws(ImportError) -> Weights {
    let (tensor, bytes, count) = try node.data(1, type: [.int8, .int4, .uint8], what: "a filter")
    try claim(count, size: 1)
    try node.support(!tensor.hasQuantizationDetails, "a filter quantized in blocks")
    let type = tensor.type ?? .int8
    let channels = tensor.shape.indices.contains(axis) ? tensor.shape[axis] : 0
    guard
      tensor.scales.count == 1
        || (tensor.scales.count == channels && tensor.quantizedDimension == axis && type != .uint8)
    else {
      throw node.error(
        "\(tensor.scales.count) scales along axis \(tensor.quantizedDimension) of a filter of "
          + "shape \(tensor.shape)")
    }
    guard tensor.scales.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw node.error("a filter's scale is negative or not finite")
    }
    var weights = Weights(
      shape: tensor.shape, type: type, values: WideWeights(narrow: []), scales: tensor.scales)
    if type == .uint8 {
      weights.values = try unsigned(tensor, bytes)
      return weights
    }
    try node.support(tensor.zeroPoints.allSatisfy({ $0 == 0 }), "a filter with a zero point")
    weights.values = WideWeights(
      narrow: type == .int4
        ? (0..<count).map { TFLiteReal.int4(bytes, $0) } : bytes.map(Int8.init(bitPattern:)))
    return weights
  }

  /// The weights with their zero point taken off.
  private mutating func unsigned(
    _ tensor: TFLiteModel.Tensor, _ bytes: ArraySlice<UInt8>
  ) throws(ImportError) -> WideWeights {
    guard tensor.zeroPoints.count == 1, let zero = UInt8(exactly: tensor.zeroPoints[0]) else {
      throw node.error("a filter of uint8 needs one zero point in 0...255")
    }
    let wide = WideWeights(bytes.map { Int16($0) - Int16(zero) })
    try claim(bytes.count * (wide.parts.count - 1), size: 1)
    return wide
  }

  /// Appends a layer that a node is, with all parts of its weights, for each image that it reads.
  mutating func finish(
    layer: IntegerOperation.Kind, _ weights: Weights, images: [Int], extent: [Int]
  ) throws(ImportError) {
    let more = (images.count - 1) * weights.values.parts.count
    try claim(weights.values.first.count, size: more)
    try finish(each: images, extent: extent) { converter, image in
      let name = Self.derived(converter.builder[image].name, "/repeated")
      return converter.builder.layer(layer, weights.values, from: image, named: name)
    }
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
        weights.values.first, bits: weights.bits, bias: bias, scales: scales, from: input,
        to: output.grid, within: limits,
        isFullyConnected: isFullyConnected, productIsSingle: weights.type == .uint8)
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
