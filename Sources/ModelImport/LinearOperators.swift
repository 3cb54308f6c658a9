import FloatGraph

/// Gemm and MatMul with constant weights, and the Add that carries their bias.
extension OnnxConverter {
  mutating func gemm(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["alpha", "beta", "transA", "transB"])
    guard try node.integer("transA") ?? 0 == 0 else { throw node.unsupported("transA = 1") }
    let (value, shape) = try activation(node)
    let isTransposed = try node.integer("transB") ?? 0 != 0
    var (weights, features) = try matrix(node, input: shape, isTransposed: isTransposed)
    let alpha = try node.number("alpha") ?? 1
    if alpha != 1 {
      try claim(weights.count, node)
      weights = try scaled(weights, by: alpha, node)
    }
    var bias = try self.weights(node, 2).map { values, shape throws(ImportError) in
      guard shape.count <= 2, values.count == 1 || shape.last == features,
        values.count == 1 || values.count == features
      else { throw node.error("bias of shape \(shape) does not fit \(features) outputs") }
      return values.count == features
        ? values : [Float](repeating: values[0], count: features)
    }
    let beta = try node.number("beta") ?? 1
    if beta != 1, let values = bias { bias = try scaled(values, by: beta, node) }
    let linear = FloatGraph.Linear(weights: weights, bias: bias, outputFeatures: features)
    return try append(.linear(linear), node, inputs: [value])
  }

  mutating func matMul(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    let (value, shape) = try activation(node)
    let (weights, features) = try matrix(node, input: shape, isTransposed: false)
    let linear = FloatGraph.Linear(weights: weights, bias: nil, outputFeatures: features)
    return try append(.linear(linear), node, inputs: [value])
  }

  /// Weights in [O][F] order from input 1, which is [F, O], or [O, F] where `isTransposed`.
  private mutating func matrix(
    _ node: ImportNode, input: [Int], isTransposed: Bool
  ) throws(ImportError) -> (weights: [Float], features: Int) {
    guard let (values, shape) = try weights(node, 1) else { throw node.error("has no weights") }
    guard input.count == 1, shape.count == 2 else {
      throw node.unsupported(
        "only a feature vector times a constant matrix; input \(input), weights \(shape)")
    }
    let (features, inner) = isTransposed ? (shape[0], shape[1]) : (shape[1], shape[0])
    guard inner == input[0], features > 0 else {
      throw node.error("weights of shape \(shape) do not fit an input of \(input[0]) features")
    }
    if isTransposed { return (values, features) }
    try claim(values.count, node)
    let rows = [Float](unsafeUninitializedCapacity: values.count) { buffer, count in
      for row in 0..<features {
        for column in 0..<inner {
          buffer.initializeElement(
            at: row * inner + column, to: values[column * features + row])
        }
      }
      count = values.count
    }
    return (rows, features)
  }

  private func scaled(
    _ values: [Float], by factor: Float, _ node: ImportNode
  ) throws(ImportError) -> [Float] {
    let result = values.map { $0 * factor }
    guard result.allSatisfy(\.isFinite) else {
      throw node.error("scaling the weights by \(factor) leaves the range of float32")
    }
    return result
  }

  private mutating func claim(_ floats: Int, _ node: ImportNode) throws(ImportError) {
    guard budget.claim(floats, size: MemoryLayout<Float>.stride) else {
      throw node.error("constants take more memory than the file may ask for")
    }
  }

  /// Sum of two activations, of two constants, or a bias of the convolution or linear layer before.
  mutating func add(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    guard node.inputs.count == 2 else { throw node.error("needs 2 inputs") }
    switch (try binding(node, 0), try binding(node, 1)) {
    case (.activation(let left), .activation(let right)):
      return try append(.add, node, inputs: [left, right])
    case (.activation(let value), .constant(let constant)):
      return try addBias(node, value: value, constant, index: 1)
    case (.constant(let constant), .activation(let value)):
      return try addBias(node, value: value, constant, index: 0)
    default:
      return try arithmetic(node, .add)
    }
  }

  private mutating func addBias(
    _ node: ImportNode, value: Int, _ constant: OnnxConstant, index: Int
  ) throws(ImportError) -> Binding {
    let shape = graph.values[value].shape
    guard value > 0, hasOneReader(value), let values = try weights(node, index)?.values,
      Self.isPerChannel(constant.dimensions, shape: shape)
    else {
      throw node.unsupported("a constant added to anything but the layer that it is the bias of")
    }
    // Each appended node made one value, after the input's.
    guard var layer = graph.nodes[value - 1].operation.weighted else {
      throw node.unsupported("a constant added to anything but the layer that it is the bias of")
    }
    layer.bias = try summed(layer.bias, values, count: shape[0], node)
    graph.nodes[value - 1].operation = FloatGraph.Operation(layer)
    return .activation(value)
  }

  /// Whether a constant broadcasts as one number per channel of an activation.
  private static func isPerChannel(_ dimensions: [Int], shape: [Int]) -> Bool {
    let channels = dimensions.reversed().dropFirst(shape.count - 1)
    let after = dimensions.suffix(shape.count - 1)
    guard after.allSatisfy({ $0 == 1 }), dimensions.count <= shape.count + 1 else { return false }
    guard let count = channels.first else { return true }
    return (count == shape[0] || count == 1) && channels.dropFirst().allSatisfy { $0 == 1 }
  }

  private func summed(
    _ bias: [Float]?, _ values: [Float], count: Int, _ node: ImportNode
  ) throws(ImportError) -> [Float] {
    let sum = (0..<count).map { channel in
      (bias?[channel] ?? 0) + (values.count == 1 ? values[0] : values[channel])
    }
    guard sum.allSatisfy(\.isFinite) else {
      throw node.error("the sum of the biases leaves the range of float32")
    }
    return sum
  }
}
