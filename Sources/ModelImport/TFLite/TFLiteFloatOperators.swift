import FloatGraph
import TFLiteSchema

/// Layers with weights, and what works on pixels.
extension TFLiteFloatConverter {
  mutating func convolution(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.Convolution
    let filter = try constant(node, 1, "a filter")
    let input = try image(node)
    guard filter.shape.count == 4, input.shape[0] % filter.shape[3] == 0 else {
      throw node.error("a filter of shape \(filter.shape) on \(input.shape)")
    }
    let (outputs, height, width, depth) = (
      filter.shape[0], filter.shape[1], filter.shape[2], filter.shape[3]
    )
    let window = try window(
      node, input.shape, kernel: (height, width), strides: (Field.strideHeight, Field.strideWidth),
      dilations: (Field.dilationHeight, Field.dilationWidth), padding: Field.padding)
    // [O][KH · KW][I] to [O][I][KH · KW].
    let taps = height * width
    let weights = (0..<filter.values.count).map { index in
      let (block, place) = (index / (taps * depth), index % (taps * depth))
      return filter.values[block * taps * depth + place % taps * depth + place / taps]
    }
    try finish(
      node, input.value, weights, outputs: outputs, window: window,
      groups: input.shape[0] / depth, activation: Field.activation)
  }

  /// Filter [1, KH, KW, C · multiplier].
  mutating func depthwiseConvolution(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.DepthwiseConvolution
    let filter = try constant(node, 1, "a filter")
    let input = try image(node)
    guard filter.shape.count == 4, filter.shape[0] == 1, filter.shape[3] % input.shape[0] == 0
    else { throw node.error("a filter of shape \(filter.shape) on \(input.shape)") }
    let (height, width, outputs) = (filter.shape[1], filter.shape[2], filter.shape[3])
    let window = try window(
      node, input.shape, kernel: (height, width), strides: (Field.strideHeight, Field.strideWidth),
      dilations: (Field.dilationHeight, Field.dilationWidth), padding: Field.padding)
    let taps = height * width
    let weights = (0..<filter.values.count).map { filter.values[$0 % taps * outputs + $0 / taps] }
    try finish(
      node, input.value, weights, outputs: outputs, window: window, groups: input.shape[0],
      activation: Field.activation)
  }

  private mutating func finish(
    _ node: TFLiteNode, _ input: Int, _ weights: [Float], outputs: Int,
    window: FloatGraph.Window, groups: Int, activation: Int
  ) throws(ImportError) {
    let convolution = FloatGraph.Convolution(
      weights: weights, bias: try bias(node), outputChannels: outputs, window: window,
      groups: groups)
    let value = try append(.convolution(convolution), node, inputs: [input])
    try finish(node, value, bounds: try node.bounds(activation))
  }

  /// Filter [O, F]; a flattened image's columns are brought to the graph's order.
  mutating func fullyConnected(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.FullyConnected
    guard try node.number(Field.weightsFormat, default: Int8(0)) == 0 else {
      throw node.unsupported("shuffled weights")
    }
    let filter = try constant(node, 1, "a filter")
    var (value, shape, order) = try activation(node)
    if case .image = order {
      let count = shape.reduce(1, *)
      value = try append(.reshape, node, inputs: [value], shape: [count], suffix: "/flattened")
      order = .flattened(height: shape[1], width: shape[2], channels: shape[0])
      shape = [count]
    }
    guard filter.shape.count == 2, shape[0] % filter.shape[1] == 0 else {
      throw node.error("a filter of shape \(filter.shape) on \(shape)")
    }
    guard filter.shape[1] == shape[0] else {
      throw node.unsupported("\(shape[0] / filter.shape[1]) rows of features at once")
    }
    var weights = filter.values
    if case .flattened(let height, let width, let channels) = order, height * width > 1,
      channels > 1
    {
      let pixels = height * width
      weights = (0..<filter.values.count).map { index in
        let (row, place) = (index / shape[0], index % shape[0])
        return filter.values[row * shape[0] + place % pixels * channels + place / pixels]
      }
    }
    let linear = FloatGraph.Linear(
      weights: weights, bias: try bias(node), outputFeatures: filter.shape[0])
    let output = try append(.linear(linear), node, inputs: [value])
    try finish(node, output, order: .vector, bounds: try node.bounds(Field.activation))
  }

  private mutating func bias(_ node: TFLiteNode) throws(ImportError) -> [Float]? {
    guard node.inputs.count > 2, node.inputs[2] >= 0 else { return nil }
    return try constant(node, 2, "a bias").values
  }

  private func image(
    _ node: TFLiteNode
  ) throws(ImportError) -> (value: Int, shape: [Int], order: Order) {
    let found = try plainActivation(node)
    guard found.shape.count == 3 else { throw node.error("takes an image, has \(found.shape)") }
    return found
  }

  mutating func pool(_ node: TFLiteNode, isAverage: Bool) throws(ImportError) {
    typealias Field = TFLite.Options.Pool
    let input = try image(node)
    let kernel = (try node.positive(Field.filterHeight), try node.positive(Field.filterWidth))
    let window = try window(
      node, input.shape, kernel: kernel, strides: (Field.strideHeight, Field.strideWidth),
      dilations: nil, padding: Field.padding)
    let value = try append(
      isAverage ? .averagePool(.init(window: window)) : .maxPool(.init(window: window)), node,
      inputs: [input.value])
    try finish(node, value, bounds: try node.bounds(Field.activation))
  }

  private func window(
    _ node: TFLiteNode, _ shape: [Int], kernel: (Int, Int), strides: (Int, Int),
    dilations: (Int, Int)?, padding: Int
  ) throws(ImportError) -> FloatGraph.Window {
    let window = try node.window(
      height: shape[1], width: shape[2], kernel: kernel, strides: strides, dilations: dilations,
      padding: padding)
    return FloatGraph.Window(
      kernelHeight: kernel.0, kernelWidth: kernel.1, strideHeight: window.rows.stride,
      strideWidth: window.columns.stride, dilationHeight: window.rows.dilation,
      dilationWidth: window.columns.dilation, padTop: window.rows.before,
      padLeft: window.columns.before, padBottom: window.rows.after(shape[1]),
      padRight: window.columns.after(shape[2]))
  }

  mutating func mean(_ node: TFLiteNode) throws(ImportError) {
    let input = try image(node)
    let rank = try node.tensor(0).shape.count
    // Height, width, channels.
    var isReduced = [input.shape[1] == 1, input.shape[2] == 1, false]
    for axis in try node.integers(1, "the axes") {
      guard let place = TFLiteShape.axis(axis, rank: rank) else {
        throw node.error("axis \(axis) of a tensor of rank \(rank)")
      }
      if place >= 0 { isReduced[place] = true }
    }
    guard isReduced[0], isReduced[1], !isReduced[2] || input.shape[0] == 1 else {
      throw node.unsupported("over other axes than height and width")
    }
    let value = try append(
      .globalAveragePool, node, inputs: [input.value], shape: [input.shape[0], 1, 1])
    try finish(node, value)
  }

  mutating func softmax(_ node: TFLiteNode) throws(ImportError) {
    guard try node.float(TFLite.Options.Softmax.beta, default: 0) == 1 else {
      throw node.unsupported("beta other than 1")
    }
    var (value, shape, _) = try plainActivation(node)
    if shape.count == 3 {
      guard shape[1] * shape[2] == 1 else { throw node.unsupported("over several pixels") }
      value = try append(.reshape, node, inputs: [value], shape: [shape[0]], suffix: "/features")
      shape = [shape[0]]
    }
    try finish(node, try append(.softmax, node, inputs: [value]), order: .vector)
  }
}
