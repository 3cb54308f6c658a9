import FixedPoint
import IntegerBuilder
import ModelWriter
import TFLiteSchema

/// Convolutions and fully connected layers: weights and scales as they are.
extension TFLiteIntegerConverter {
  /// Filter [O, KH, KW, I / groups].
  mutating func convolution(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.Convolution
    let input = try activation(node)
    let weights = try weights(node, axis: 0)
    let channels = program.tensors[input].channels
    guard weights.shape.count == 4, channels % weights.shape[3] == 0 else {
      throw node.error("a filter of shape \(weights.shape) on \(channels) channels")
    }
    let window = try window(
      node, input: program.tensors[input], kernel: (weights.shape[1], weights.shape[2]),
      strides: (Field.strideHeight, Field.strideWidth),
      dilations: (Field.dilationHeight, Field.dilationWidth), padding: Field.padding)
    let groups = channels / weights.shape[3]
    guard weights.shape[0] % groups == 0 else {
      throw node.error("\(weights.shape[0]) filters in \(groups) groups")
    }
    let weighted = try weighted(
      node, weights, input: input, outputs: weights.shape[0], activation: Field.activation)
    try finish(
      node, .convolution(window.window, groups: groups, weighted), [input],
      extent: window.extent + [weights.shape[0]])
  }

  /// Filter [1, KH, KW, C · multiplier]. Several outputs an input channel are a grouped convolution.
  mutating func depthwiseConvolution(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.DepthwiseConvolution
    let input = try activation(node)
    var weights = try weights(node, axis: 3)
    let channels = program.tensors[input].channels
    guard weights.shape.count == 4, weights.shape[0] == 1, weights.shape[3] % channels == 0 else {
      throw node.error("a filter of shape \(weights.shape) on \(channels) channels")
    }
    let (height, width) = (weights.shape[1], weights.shape[2])
    let outputs = weights.shape[3]
    let window = try window(
      node, input: program.tensors[input], kernel: (height, width),
      strides: (Field.strideHeight, Field.strideWidth),
      dilations: (Field.dilationHeight, Field.dilationWidth), padding: Field.padding)
    let isPlain = outputs == channels
    if !isPlain {
      // [taps][O] to [O][taps].
      let taps = height * width
      let source = weights.values
      weights.values = (0..<source.count).map { source[$0 % taps * outputs + $0 / taps] }
    }
    let weighted = try weighted(
      node, weights, input: input, outputs: outputs, activation: Field.activation)
    try finish(
      node,
      isPlain
        ? .depthwiseConvolution(window.window, weighted)
        : .convolution(window.window, groups: channels, weighted), [input],
      extent: window.extent + [outputs])
  }

  /// Filter [O, F].
  mutating func fullyConnected(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.FullyConnected
    guard try node.number(Field.weightsFormat, default: Int8(0)) == 0 else {
      throw node.unsupported("shuffled weights")
    }
    let input = try activation(node)
    let weights = try weights(node, axis: 0)
    let features = program.tensors[input].elementCount
    guard weights.shape.count == 2, features % weights.shape[1] == 0 else {
      throw node.error("a filter of shape \(weights.shape) on \(features) features")
    }
    guard weights.shape[1] == features else {
      throw node.unsupported("\(features / weights.shape[1]) rows of features at once")
    }
    let weighted = try weighted(
      node, weights, input: input, outputs: weights.shape[0], activation: Field.activation,
      isFullyConnected: true)
    try finish(node, .fullyConnected(weighted), [input], extent: [1, 1, weights.shape[0]])
  }
}

// MARK: - Parts

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
  private mutating func weights(_ node: TFLiteNode, axis: Int) throws(ImportError) -> Weights {
    let (tensor, bytes, count) = try node.data(1, type: [.int8, .int4], what: "a filter")
    guard budget.claim(count, size: 1) else { throw node.error(Self.overdrawn) }
    guard !tensor.hasQuantizationDetails else {
      throw node.unsupported("a filter quantized in blocks")
    }
    guard tensor.zeroPoints.allSatisfy({ $0 == 0 }) else {
      throw node.unsupported("a filter with a zero point")
    }
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
      values: isPacked ? Self.unpacked(bytes, count: count) : bytes.map(Int8.init(bitPattern:)),
      scales: tensor.scales)
  }

  /// Two values a byte, the first in the low nibble, without gaps.
  private static func unpacked(_ bytes: ArraySlice<UInt8>, count: Int) -> [Int8] {
    var values = [Int8](repeating: 0, count: count)
    for index in 0..<count {
      let pair = Int8(bitPattern: bytes[bytes.startIndex + index / 2])
      // Arithmetic shifts extend the nibble's sign.
      values[index] = index % 2 == 0 ? (pair << 4) >> 4 : pair >> 4
    }
    return values
  }

  /// Bias, scales and activation of a node around its filter.
  private mutating func weighted(
    _ node: TFLiteNode, _ weights: Weights, input: Int, outputs: Int, activation: Int,
    isFullyConnected: Bool = false
  ) throws(ImportError) -> IntegerOperation.Weighted {
    // A bias, and what a channel's scales take.
    guard budget.claim(outputs, size: 20) else { throw node.error(Self.overdrawn) }
    let output = try description(try node.output())
    let source = program.tensors[input]
    var scales: [IntegerOperation.ChannelScale] = []
    scales.reserveCapacity(outputs)
    for channel in 0..<outputs {
      let scale = weights.scales[weights.scales.count == 1 ? 0 : channel]
      guard
        let multiplier = Multiplier(
          Double(source.scale) * Double(scale) / Double(output.scale))
      else {
        throw node.error("the scales of channel \(channel) have a ratio that is too large")
      }
      scales.append(
        .init(
          weightScale: scale, multiplier: multiplier.value, shift: multiplier.shift))
    }
    let limits = output.limits(try node.bounds(activation))
    return .init(
      bits: weights.bits, weights: weights.values, bias: try bias(node, count: outputs),
      scales: scales, rounding: profile.mode(isFullyConnected: isFullyConnected),
      low: limits.low, high: limits.high)
  }

  private func bias(_ node: TFLiteNode, count: Int) throws(ImportError) -> [Int32] {
    guard node.inputs.count > 2, node.inputs[2] >= 0 else {
      return Array(repeating: 0, count: count)
    }
    let (_, bytes, stored) = try node.data(2, type: [.int32], what: "a bias")
    guard stored == count else { throw node.error("\(stored) biases for \(count) outputs") }
    return bytes.withUnsafeBytes { raw in
      (0..<count).map {
        Int32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
      }
    }
  }

  /// A window, and the height and width that it gives. Fields are those of the node's options.
  func window(
    _ node: TFLiteNode, input: IntegerTensor, kernel: (Int, Int), strides: (Int, Int),
    dilations: (Int, Int)?, padding: Int
  ) throws(ImportError) -> (window: IntegerOperation.Window, extent: [Int]) {
    let found = try node.window(
      height: input.height, width: input.width, kernel: kernel, strides: strides,
      dilations: dilations, padding: padding)
    let window = IntegerOperation.Window(
      kernelHeight: kernel.0, kernelWidth: kernel.1, strideHeight: found.rows.stride,
      strideWidth: found.columns.stride, dilationHeight: found.rows.dilation,
      dilationWidth: found.columns.dilation, padTop: found.rows.before,
      padLeft: found.columns.before)
    return (window, [found.rows.output, found.columns.output])
  }
}
