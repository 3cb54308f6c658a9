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
  ///
  /// - Parameter microTakesShortBias: whether TensorFlow Lite Micro's kernel of int16 takes one of
  ///   int32.
  mutating func weighted(
    _ weights: Weights, bias position: Int = 2, input: Int, outputs: Int,
    activation: Int, biasType field: Int?, isFullyConnected: Bool = false,
    microTakesShortBias: Bool = true
  ) throws(ImportError) -> IntegerOperation.Weighted {
    // A bias, and what a channel's scales take.
    try claim(outputs, size: 20)
    let output = try description(try node.output())
    let scales =
      weights.scales.count == 1
      ? Array(repeating: weights.scales[0], count: outputs) : weights.scales
    let limits = output.limits(try node.bounds(activation))
    let isWide = builder[input].grid.isWide
    let (bias, isShort) = try bias(position, count: outputs, isWide: isWide)
    if isWide {
      try checkWide(
        weights, biasType: field, isShort: isShort, microTakesShort: microTakesShortBias)
    }
    var layer = try node.built { () throws(BuildError) in
      try builder.weighted(
        weights.values.first, bits: weights.bits, bias: [], scales: scales, from: input,
        to: output.grid, within: limits,
        isFullyConnected: isFullyConnected, productIsSingle: weights.type == .uint8,
        sum: isShort ? .doubleRounding : .reducedMultiplier)
    }
    layer.wideBias = bias
    return layer
  }

  /// What the kernels of int16 cannot do, or do otherwise than the file means.
  ///
  /// - Parameters:
  ///   - field: of the options, that says of what type biases are; nil for an operator without it.
  ///   - isShort: whether they are of int32.
  ///   - microTakesShort: whether TensorFlow Lite Micro's kernel takes those.
  private func checkWide(
    _ weights: Weights, biasType field: Int?, isShort: Bool, microTakesShort: Bool
  ) throws(ImportError) {
    guard let field else {
      // A depthwise convolution.
      try node.support(!isShort, "a bias of int32 on int16; the runtimes take int64")
      try node.support(weights.bits == 8, "a filter of int4 on int16")
      return
    }
    try node.support(
      !isShort || microTakesShort || builder.profile != .tflm,
      "a bias of int32 on int16; TensorFlow Lite Micro takes int64")
    let declared = TFLite.ElementType(rawValue: try node.number(field, default: Int8(0)))
    try node.support(
      !isShort || declared == .int32 || builder.profile == .tflm,
      "a bias of int32 on int16 that the options do not declare, so that LiteRT reads it as int64")
  }

  /// Biases, which may be of int64 on 16 bits, and whether they are of int32.
  private func bias(
    _ position: Int, count: Int, isWide: Bool
  ) throws(ImportError) -> (values: [Int64], isShort: Bool) {
    guard node.inputs.count > position, node.inputs[position] >= 0 else {
      return (Array(repeating: 0, count: count), false)
    }
    let (tensor, bytes, stored) = try node.data(
      position, type: isWide ? [.int32, .int64] : [.int32], what: "a bias")
    try node.require(stored == count, "\(stored) biases for \(count) outputs")
    let isShort = tensor.type == .int32
    let values = bytes.withUnsafeBytes { raw in
      (0..<count).map { index in
        isShort
          ? Int64(Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)))
          : Int64(littleEndian: raw.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self))
      }
    }
    return (values, isShort)
  }
}
