import FloatGraph

/// Normalization, activation functions, means over the image, and operators that pass through.
extension OnnxConverter {
  mutating func batchNormalization(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["epsilon", "momentum", "spatial", "training_mode"])
    guard try node.integer("training_mode") ?? 0 == 0 else {
      throw node.unsupported("training mode; export the model in evaluation mode")
    }
    guard try node.integer("spatial") ?? 1 == 1 else { throw node.unsupported("spatial = 0") }
    let (value, shape) = try activation(node)
    var parameters: [[Float]] = []
    for index in 1...4 {
      guard let values = try weights(node, index, shape: [shape[0]])?.values else {
        throw node.error("input \(index) is missing")
      }
      parameters.append(values)
    }
    let epsilon = try node.number("epsilon") ?? 1e-5
    guard epsilon.isFinite, epsilon >= 0 else { throw node.error("epsilon is \(epsilon)") }
    if let channel = parameters[3].firstIndex(where: { $0 < 0 || $0 + epsilon <= 0 }) {
      throw node.error(
        "variance \(parameters[3][channel]) of channel \(channel) must not be negative, and must "
          + "be positive together with epsilon \(epsilon)")
    }
    let normalization = FloatGraph.BatchNormalization(
      gamma: parameters[0], beta: parameters[1], mean: parameters[2], variance: parameters[3],
      epsilon: epsilon)
    return try append(.batchNormalization(normalization), node, inputs: [value])
  }

  mutating func relu(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    let (value, _) = try activation(node)
    return try append(.clamp(low: 0, high: .infinity), node, inputs: [value])
  }

  mutating func clip(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["max", "min"])
    let (value, _) = try activation(node)
    let low = try scalar(node, attribute: "min", input: 1) ?? -.infinity
    let high = try scalar(node, attribute: "max", input: 2) ?? .infinity
    guard low <= high else { throw node.error("min \(low) is not at most max \(high)") }
    return try append(.clamp(low: low, high: high), node, inputs: [value])
  }

  mutating func softmax(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axis"])
    let (value, shape) = try activation(node)
    let axis = try node.integer("axis") ?? (operatorSet < 13 ? 1 : -1)
    guard shape.count == 1, axis == 1 || axis == -1 else {
      throw node.unsupported("softmax over axis \(axis) of an activation of shape \(shape)")
    }
    return try append(.softmax, node, inputs: [value])
  }

  mutating func globalAveragePool(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    let (value, shape) = try activation(node)
    return try append(.globalAveragePool, node, inputs: [value], shape: [shape[0], 1, 1])
  }

  mutating func reduceMean(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axes", "keepdims", "noop_with_empty_axes"])
    let (value, shape) = try activation(node)
    let rank = shape.count + 1
    let axes = try integers(node, attribute: "axes", input: 1) ?? []
    if axes.isEmpty, try node.integer("noop_with_empty_axes") ?? 0 != 0 {
      return .activation(value)
    }
    let positive = Set(axes.map { $0 < 0 ? $0 &+ rank : $0 })
    guard shape.count == 3, positive == [2, 3], axes.count == 2 else {
      throw node.unsupported("mean over axes \(axes.prefix(8)) of an activation of shape \(shape)")
    }
    let keeps = try node.integer("keepdims") ?? 1 != 0
    return try append(
      .globalAveragePool, node, inputs: [value], shape: keeps ? [shape[0], 1, 1] : [shape[0]])
  }

  mutating func identity(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    return try binding(node, 0)
  }

  mutating func dropout(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["is_test", "ratio", "seed"])
    if try integers(node, 2)?.contains(where: { $0 != 0 }) ?? false {
      throw node.unsupported("training mode; export the model in evaluation mode")
    }
    return try binding(node, 0)
  }
}
