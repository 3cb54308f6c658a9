import CupelFloatGraph
import CupelTFLiteSchema

/// Elements normalized by their own mean and variance, or by their norm.
extension OperatorRoom {
  static let normalizations = OperatorRoom(
    OnnxRow(
      "LayerNormalization", ["axis", "epsilon", "stash_type"],
      float: { try $0.layerNormalization() }),
    OnnxRow(
      "RMSNormalization", ["axis", "epsilon", "stash_type"], float: { try $0.rmsNormalization() }),
    OnnxRow(
      "InstanceNormalization", ["epsilon"], float: { try $0.instanceNormalization() }),
    OnnxRow(
      "GroupNormalization", ["epsilon", "num_groups", "stash_type"],
      float: { try $0.groupNormalization() }),
    OnnxRow("LpNormalization", ["axis", "p"], float: { try $0.normalizationByNorm() }),
    TFLiteRow(.l2Normalization, float: { try $0.l2Normalization() }))
}

extension OnnxConverter {
  private func epsilon() throws(ImportError) -> Float {
    let epsilon = try node.number("epsilon") ?? 1e-5
    try node.require(epsilon >= 0 && epsilon.isFinite, "epsilon is \(epsilon)")
    return epsilon
  }

  /// The first of the last axes that are normalized, which must not take in the batch.
  private func firstAxis(of source: PlacedValue) throws(ImportError) -> Int {
    let first = try fileAxis(try node.integer("axis") ?? -1, rank: source.rank)
    guard first > source.place.axis ?? -1, let axis = source.axis(first) else {
      throw node.unsupported("over the batch axis")
    }
    return axis
  }

  /// A factor or summand of each element that is normalized together.
  private mutating func spread(_ index: Int, over shape: [Int]) throws(ImportError) -> [Float]? {
    guard node.hasInput(index), let (values, dimensions) = try weights(index) else { return nil }
    let constant = OnnxConstant(dimensions: dimensions, elements: .floats(values))
    try node.require(dimensions.count <= shape.count, "input \(index) has shape \(dimensions)")
    return try expanded(constant, to: shape).floats
  }

  fileprivate mutating func layerNormalization() throws(ImportError) -> Binding {
    let source = try placed()
    let shape = Array(source.shape[try firstAxis(of: source)...])
    for index in 1...2 where node.hasInput(index) {
      if case .activation = try binding(index) { return try normalized(source, over: shape) }
    }
    guard let gamma = try spread(1, over: shape) else { throw node.error("has no scale") }
    let beta = try spread(2, over: shape) ?? [Float](repeating: 0, count: gamma.count)
    return try append(
      .layerNormalization(.init(gamma: gamma, beta: beta, epsilon: try epsilon())),
      inputs: [source.value], at: source.place)
  }

  /// With a factor or a summand that is an activation.
  private mutating func normalized(
    _ source: PlacedValue, over shape: [Int]
  ) throws(ImportError) -> Binding {
    let count = shape.reduce(1, *)
    try budget.claim(2 * count, size: MemoryLayout<Float>.stride, for: node)
    let plain = FloatGraph.LayerNormalization(
      gamma: [Float](repeating: 1, count: count), beta: [Float](repeating: 0, count: count),
      epsilon: try epsilon())
    let normal = try step(
      .layerNormalization(plain), [source.value], at: source.place, named: "normalized")
    var (values, place) = try aligned([.activation(placed(value: normal)), try operand(1)])
    guard node.hasInput(2) else { return try append(.multiply, inputs: values, at: place) }
    let scaled = try step(.multiply, values, at: place, named: "scaled")
    (values, place) = try aligned([.activation(placed(value: scaled)), try operand(2)])
    return try append(.add, inputs: values, at: place)
  }

  /// x / √(mean of x² + epsilon) · scale
  fileprivate mutating func rmsNormalization() throws(ImportError) -> Binding {
    let source = try placed()
    let first = try firstAxis(of: source)
    let (axes, place) = (Array(first..<source.shape.count), source.place)
    guard let scale = try spread(1, over: Array(source.shape[first...])) else {
      throw node.error("has no scale")
    }
    let squares = try step(.power(2), [source.value], at: place, named: "squares")
    let mean = try step(.reduce(.mean, axes: axes), [squares], at: place, named: "mean")
    let raised = try step(
      .affine(factor: 1, offset: try epsilon()), [mean], at: place, named: "raised")
    let factor = try step(.power(-0.5), [raised], at: place, named: "factor")
    let normal = try step(.multiply, [source.value, factor], at: place, named: "normalized")
    let shape = source.shape.indices.map { $0 < first ? 1 : source.shape[$0] }
    let weights = try constant(scale, shape: shape, at: place, named: "scale")
    return try append(.multiply, inputs: [normal, weights], at: place)
  }

  /// Each channel of each image by itself.
  fileprivate mutating func instanceNormalization() throws(ImportError) -> Binding {
    let (_, shape) = try activation()
    try node.support(shape.count > 1, "an activation of shape \(shape)")
    return try normalizedGroups(shape[0])
  }

  fileprivate mutating func groupNormalization() throws(ImportError) -> Binding {
    guard let groups = try node.integer("num_groups") else { throw node.error("has no num_groups") }
    return try normalizedGroups(groups)
  }

  /// Channels in groups, each of which is normalized with all of its elements.
  private mutating func normalizedGroups(_ groups: Int) throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    let channels = shape[0]
    guard groups >= 1, channels % groups == 0 else {
      throw node.error("\(groups) groups do not divide \(channels) channels")
    }
    guard var gamma = try weights(1)?.values, var beta = try weights(2)?.values else {
      throw node.error("has no scale or no bias")
    }
    // Before operator set 21 there is one number for each group.
    if gamma.count == groups, beta.count == groups {
      try budget.claim(2 * channels, size: MemoryLayout<Float>.stride, for: node)
      let each = channels / groups
      gamma = gamma.flatMap { [Float](repeating: $0, count: each) }
      beta = beta.flatMap { [Float](repeating: $0, count: each) }
    }
    try node.require(
      gamma.count == channels && beta.count == channels,
      "\(gamma.count) factors and \(beta.count) summands for \(channels) channels")
    let count = shape.reduce(1, *) / groups
    try budget.claim(2 * count, size: MemoryLayout<Float>.stride, for: node)
    let plain = FloatGraph.LayerNormalization(
      gamma: [Float](repeating: 1, count: count), beta: [Float](repeating: 0, count: count),
      epsilon: try epsilon())
    let isPlain = gamma.allSatisfy { $0 == 1 } && beta.allSatisfy { $0 == 0 }
    let rows = try step(.reshape, [value], shape: [groups, count], at: .first, named: "groups")
    let normal = try step(.layerNormalization(plain), [rows], at: .first, named: "normalized")
    let whole = try step(
      .reshape, [normal], shape: shape, at: .first, named: isPlain ? nil : "channels")
    if isPlain { return .activation(whole) }
    return try append(
      .batchNormalization(
        .init(
          gamma: gamma, beta: beta, mean: [Float](repeating: 0, count: channels),
          variance: [Float](repeating: 1, count: channels), epsilon: 0)), inputs: [whole])
  }

  /// x over its norm along an axis: the sum of absolute values, or the root of the sum of squares.
  fileprivate mutating func normalizationByNorm() throws(ImportError) -> Binding {
    let source = try placed()
    let axis = try axis(try node.integer("axis") ?? -1, of: source)
    let order = try node.integer("p") ?? 2
    try node.support(order == 1 || order == 2, "p = \(order)")
    let place = source.place
    let parts = try step(
      order == 1 ? .function(.absolute) : .power(2), [source.value], at: place, named: "parts")
    var norm = try step(.reduce(.sum, axes: [axis]), [parts], at: place, named: "sum")
    // What is all zeros stays so.
    norm = try step(
      .clamp(low: .leastNormalMagnitude, high: .infinity), [norm], at: place, named: "length")
    norm = try step(
      order == 1 ? .function(.reciprocal) : .power(-0.5), [norm], at: place, named: "factor")
    return try append(.multiply, inputs: [source.value, norm], at: place)
  }
}

extension TFLiteFloatConverter {
  /// Each list of the last axis over its length, which counts as 10⁻⁶ at least.
  fileprivate mutating func l2Normalization() throws(ImportError) {
    let input = try array()
    let squares = try made(.power(2), [input], "/squares")
    let sum = try made(
      .reduce(.sum, axes: [input.shape.count - 1]), [squares], "/sum")
    let length = try made(.function(.sqrt), [sum], "/root")
    let least = try made(.clamp(low: 1e-6, high: .infinity), [length], "/length")
    let inverse = try made(.function(.reciprocal), [least], "/inverse")
    try finish(
      try made(.multiply, [input, inverse], ""),
      bounds: try node.bounds(TFLite.Options.L2Normalization.activation))
  }
}
