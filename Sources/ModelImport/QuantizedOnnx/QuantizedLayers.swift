import FloatGraph
import IntegerOperators
import ModelWriter

/// Convolutions and linear layers with integer weights, between Dequantize- and QuantizeLinear.
extension QuantizedOnnxConverter {
  mutating func convolution(_ node: ImportNode) throws(ImportError) {
    let (input, shape) = try realInput(node)
    let found = try constantWeights(node, 1)
    var (layer, output) = try convolutionLayer(node, input: input, shape: shape, weights: found)
    layer.bias = try bias(node, 2, layer: layer)
    try bind(
      node, .pending(PendingOperation(kind: .weighted(layer), name: node.name)), shape: output)
  }

  mutating func gemm(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes(["alpha", "beta", "transA", "transB"])
    guard try node.number("alpha") ?? 1 == 1, try node.number("beta") ?? 1 == 1,
      try node.integer("transA") ?? 0 == 0
    else { throw node.unsupported("alpha or beta other than 1, or transA") }
    let (input, shape) = try realInput(node)
    let found = try constantWeights(node, 1)
    var (layer, output) = try linearLayer(
      node, input: input, shape: shape, weights: found,
      isTransposed: try node.integer("transB") ?? 0 != 0)
    layer.bias = try bias(node, 2, layer: layer)
    try bind(
      node, .pending(PendingOperation(kind: .weighted(layer), name: node.name)), shape: output)
  }

  mutating func matMul(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes([])
    let (input, shape) = try realInput(node)
    let found = try constantWeights(node, 1)
    let (layer, output) = try linearLayer(
      node, input: input, shape: shape, weights: found, isTransposed: false)
    try bind(
      node, .pending(PendingOperation(kind: .weighted(layer), name: node.name)), shape: output)
  }

  // MARK: Parts of a layer

  /// Tensor and shape of an input of real numbers.
  mutating func realInput(
    _ node: ImportNode, _ index: Int = 0
  ) throws(ImportError) -> (tensor: Int, shape: [Int]) {
    guard node.hasInput(index) else { throw node.error("input \(index) is missing") }
    guard weights[node.inputs[index]] == nil else {
      throw node.unsupported("input \(index) is a constant")
    }
    let (value, shape) = try float.activation(node, index)
    guard let tensor = try realTensor(value, node) else {
      throw node.unsupported("input \(index) is not quantized")
    }
    return (tensor, shape)
  }

  private func constantWeights(
    _ node: ImportNode, _ index: Int
  ) throws(ImportError) -> OnnxWeights {
    guard node.hasInput(index), let found = weights[node.inputs[index]] else {
      throw node.unsupported("weights that are not quantized constants")
    }
    return found
  }

  /// A layer without its bias, and the shape that it gives.
  mutating func convolutionLayer(
    _ node: ImportNode, input: Int, shape: [Int], weights: OnnxWeights
  ) throws(ImportError) -> (layer: QuantizedLayer, output: [Int]) {
    try node.allowAttributes([
      "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides",
    ])
    let dimensions = weights.dimensions
    guard shape.count == 3, dimensions.count == 4 else {
      throw node.unsupported("only 2-D convolution; input \(shape), weights \(dimensions)")
    }
    try requireImage(input, shape: shape, node)
    let kernel = Array(dimensions[2...])
    if let declared = try node.integers("kernel_shape"), declared != kernel {
      throw node.error("kernel_shape \(declared) differs from weights of shape \(dimensions)")
    }
    let groups = try node.integer("group") ?? 1
    guard groups >= 1, dimensions[0] >= 1, dimensions[0] % groups == 0,
      dimensions[1].multipliedReportingOverflow(by: groups) == (shape[0], false)
    else {
      throw node.error("weights of shape \(dimensions) in \(groups) groups do not fit \(shape)")
    }
    let window = try float.window(node, kernel: kernel, input: shape)
    let extents: (height: Int, width: Int)
    do throws(RuleViolation) {
      extents = try window.outputExtents(height: shape[1], width: shape[2])
    } catch {
      throw node.error(error.rule)
    }
    try checkScales(node, weights, channels: dimensions[0], axis: 0)
    let layer = QuantizedLayer(
      form: .convolution(window, groups: groups), input: input, weights: weights,
      outputChannels: dimensions[0], bias: .none)
    return (layer, [dimensions[0], extents.height, extents.width])
  }

  /// A layer without its bias, and the shape that it gives.
  func linearLayer(
    _ node: ImportNode, input: Int, shape: [Int], weights: OnnxWeights, isTransposed: Bool
  ) throws(ImportError) -> (layer: QuantizedLayer, output: [Int]) {
    let dimensions = weights.dimensions
    guard shape.count == 1, dimensions.count == 2 else {
      throw node.unsupported(
        "only a feature vector times a constant matrix; input \(shape), weights \(dimensions)")
    }
    let (features, inner) =
      isTransposed ? (dimensions[0], dimensions[1]) : (dimensions[1], dimensions[0])
    guard inner == shape[0], features >= 1 else {
      throw node.error("weights of shape \(dimensions) do not fit an input of \(shape[0]) features")
    }
    try checkScales(node, weights, channels: features, axis: isTransposed ? 0 : 1)
    let layer = QuantizedLayer(
      form: .linear(isTransposed: isTransposed), input: input, weights: weights,
      outputChannels: features, bias: .none)
    return (layer, [features])
  }

  private func checkScales(
    _ node: ImportNode, _ weights: OnnxWeights, channels: Int, axis: Int
  ) throws(ImportError) {
    let quantization = weights.quantization
    guard quantization.isPerTensor || quantization.axis == axis else {
      throw node.unsupported("weight scales along another axis than the output channels")
    }
    guard quantization.isPerTensor || quantization.scales.count == channels else {
      throw node.error("\(quantization.scales.count) weight scales for \(channels) channels")
    }
  }

  /// A bias: int32 at the product of the input's and the weights' scales, or floats. None where the
  /// input is left out.
  mutating func bias(
    _ node: ImportNode, _ index: Int, layer: QuantizedLayer
  ) throws(ImportError) -> QuantizedLayer.Bias {
    guard node.hasInput(index) else { return .none }
    let channels = layer.outputChannels
    if let constant = weights[node.inputs[index]] {
      let scales = constant.scales(channels)
      let own = grid(of: layer.input).scale
      let expected = layer.weights.scales(channels).map { $0 * own }
      guard constant.quantization.zeroPoints.allSatisfy({ $0 == 0 }), scales.count == channels,
        zip(scales, expected).allSatisfy({ abs($0 - $1) <= 1e-5 * $1 })
      else {
        throw node.unsupported(
          "a bias whose scale is not the input's times the weights', or with a zero point")
      }
      return .integers(try biasIntegers(node, constant, channels: channels))
    }
    guard let floats = try float.weights(node, index) else { return .none }
    return .floats(try fitted(floats.values, floats.shape, to: channels, node))
  }

  private mutating func biasIntegers(
    _ node: ImportNode, _ constant: OnnxWeights, channels: Int
  ) throws(ImportError) -> [Int] {
    guard let values = try constant.wholeNumbers(budget: &float.budget) else {
      throw node.unsupported("a bias that is not of int32")
    }
    return try fitted(values, constant.dimensions, to: channels, node)
  }

  /// One value a channel, of which a single one serves all.
  func fitted<Value>(
    _ values: [Value], _ shape: [Int], to channels: Int, _ node: ImportNode
  ) throws(ImportError) -> [Value] {
    if values.count == 1, channels != 1 {
      return [Value](repeating: values[0], count: channels)
    }
    guard values.count == channels, shape.allSatisfy({ $0 == 1 || $0 == channels }) else {
      throw node.error("a bias of shape \(shape) does not fit \(channels) channels")
    }
    return values
  }
}
