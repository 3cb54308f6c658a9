import FloatGraph
import IntegerBuilder
import ModelWriter
import TFLiteSchema

extension OperatorRoom {
  static let convolution = OperatorRoom(
    onnx: [
      OnnxRow(
        "Conv", attributes, float: { try $0.convolution($1) },
        quantized: { try $0.convolution($1) }),
      OnnxRow(
        quantized: "QLinearConv", .onnx, attributes, statesItsInputsGrid: true,
        handler: { try $0.qLinearConvolution($1) }),
      OnnxRow(quantized: "ConvInteger", .onnx),
    ],
    tflite: [
      TFLiteRow(
        .conv2D, float: { try $0.convolution($1) }, integer: { try $0.convolution($1) }),
      TFLiteRow(
        .depthwiseConv2D, float: { try $0.depthwiseConvolution($1) },
        integer: { try $0.depthwiseConvolution($1) }),
    ])

  private static let attributes: Set = [
    "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides",
  ]
}

// MARK: - ONNX

extension ImportNode {
  /// Kernel and groups of a node with weights of [O, I / groups, KH, KW] on [C, H, W].
  fileprivate func kernelAndGroups(
    weights: [Int], input: [Int]
  ) throws(ImportError) -> (kernel: [Int], groups: Int) {
    guard input.count == 3, weights.count == 4 else {
      throw unsupported("only 2-D convolution; input \(input), weights \(weights)")
    }
    let kernel = Array(weights[2...])
    if let declared = try integers("kernel_shape"), declared != kernel {
      throw error("kernel_shape \(declared) differs from weights of shape \(weights)")
    }
    return (kernel, try integer("group") ?? 1)
  }
}

extension OnnxConverter {
  fileprivate mutating func convolution(_ node: ImportNode) throws(ImportError) -> Binding {
    let (value, shape) = try activation(node)
    guard let weights = try weights(node, 1) else { throw node.error("has no weights") }
    let (kernel, groups) = try node.kernelAndGroups(weights: weights.shape, input: shape)
    guard groups >= 1, weights.shape[1].multipliedReportingOverflow(by: groups) == (shape[0], false)
    else {
      throw node.error(
        "weights of shape \(weights.shape) in \(groups) groups do not fit input \(shape)")
    }
    let window = try window(node, kernel: kernel, input: shape)
    let bias = try self.weights(node, 2, shape: [weights.shape[0]])?.values
    let convolution = FloatGraph.Convolution(
      weights: weights.values, bias: bias, outputChannels: weights.shape[0],
      window: FloatGraph.Window(window), groups: groups)
    return try append(.convolution(convolution), node, inputs: [value])
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func convolution(_ node: ImportNode) throws(ImportError) {
    let (input, shape) = try realInput(node)
    let weights = try constantWeights(node, 1)
    var (layer, output) = try convolution(node, input: input, shape: shape, weights: weights)
    layer.bias = try bias(node, 2, layer: layer)
    try bind(node, .pending(layer.pending(node.name)), shape: output)
  }

  /// x, its scale and zero point, w, …, y's scale and zero point, and a bias of int32.
  fileprivate mutating func qLinearConvolution(_ node: ImportNode) throws(ImportError) {
    let (input, shape) = try integerInput(node, 0)
    let weights = try integerWeights(node, 3, axis: 0)
    var (layer, output) = try convolution(node, input: input, shape: shape, weights: weights)
    if node.hasInput(8) { layer.bias = .integers(try integerBias(node, 8, layer.outputChannels)) }
    try finish(node, layer.pending(node.name), shape: output, scale: 6, zeroPoint: 7)
  }

  /// A layer without its bias, and the shape that it gives.
  private func convolution(
    _ node: ImportNode, input: Int, shape: [Int], weights: OnnxWeights
  ) throws(ImportError) -> (layer: QuantizedLayer, output: [Int]) {
    let dimensions = weights.dimensions
    let (kernel, groups) = try node.kernelAndGroups(weights: dimensions, input: shape)
    try requireImage(input, shape: shape, node)
    guard groups >= 1, dimensions[0] >= 1, dimensions[0] % groups == 0,
      dimensions[1].multipliedReportingOverflow(by: groups) == (shape[0], false)
    else {
      throw node.error("weights of shape \(dimensions) in \(groups) groups do not fit \(shape)")
    }
    let window = try float.window(node, kernel: kernel, input: shape)
    let extents: (height: Int, width: Int)
    do throws(RuleViolation) {
      extents = try FloatGraph.Window(window).outputExtents(height: shape[1], width: shape[2])
    } catch {
      throw node.error(error.rule)
    }
    try checkScales(node, weights, channels: dimensions[0], axis: 0)
    let layer = QuantizedLayer(
      input: input, weights: weights, outputChannels: dimensions[0]
    ) { converter, layer, name, node throws(ImportError) in
      try converter.form(layer, window, groups: groups, name: name, node)
    }
    return (layer, [dimensions[0], extents.height, extents.width])
  }

  private mutating func form(
    _ layer: QuantizedLayer, _ window: PaddedWindow, groups: Int, name: String, _ node: ImportNode
  ) throws(ImportError) -> QuantizedLayer.Form {
    let channels = builder[layer.input].channels
    let (input, own) = try reachable(layer.input, window, name, node)
    let isDepthwise = groups == channels && layer.outputChannels == channels
    let order = Transposition(
      rows: isDepthwise ? channels : channels / groups, columns: window.taps)
    return QuantizedLayer.Form(
      input: input,
      kind: {
        isDepthwise
          ? .depthwiseConvolution(own, $0) : .convolution(own, groups: groups, $0)
      },
      place: order.place)
  }
}

// MARK: - TensorFlow Lite

extension TFLiteWindowFields {
  fileprivate static let convolution: TFLiteWindowFields = {
    typealias Field = TFLite.Options.Convolution
    return TFLiteWindowFields(
      padding: Field.padding, strideHeight: Field.strideHeight, strideWidth: Field.strideWidth,
      activation: Field.activation, dilationHeight: Field.dilationHeight,
      dilationWidth: Field.dilationWidth)
  }()

  fileprivate static let depthwise: TFLiteWindowFields = {
    typealias Field = TFLite.Options.DepthwiseConvolution
    return TFLiteWindowFields(
      padding: Field.padding, strideHeight: Field.strideHeight, strideWidth: Field.strideWidth,
      activation: Field.activation, dilationHeight: Field.dilationHeight,
      dilationWidth: Field.dilationWidth)
  }()
}

extension TFLiteFloatConverter {
  /// Filter [O, KH, KW, I / groups].
  fileprivate mutating func convolution(_ node: TFLiteNode) throws(ImportError) {
    let filter = try constant(node, 1, "a filter")
    let input = try image(node)
    guard filter.shape.count == 4, input.shape[0] % filter.shape[3] == 0 else {
      throw node.error("a filter of shape \(filter.shape) on \(input.shape)")
    }
    let depth = filter.shape[3]
    try finish(
      node, input, filter, kernel: (filter.shape[1], filter.shape[2]), .convolution,
      outputs: filter.shape[0], groups: input.shape[0] / depth, blocks: depth)
  }

  /// Filter [1, KH, KW, C · multiplier].
  fileprivate mutating func depthwiseConvolution(_ node: TFLiteNode) throws(ImportError) {
    let filter = try constant(node, 1, "a filter")
    let input = try image(node)
    guard filter.shape.count == 4, filter.shape[0] == 1, filter.shape[3] % input.shape[0] == 0
    else { throw node.error("a filter of shape \(filter.shape) on \(input.shape)") }
    try finish(
      node, input, filter, kernel: (filter.shape[1], filter.shape[2]), .depthwise,
      outputs: filter.shape[3], groups: input.shape[0], blocks: filter.shape[3])
  }

  /// - Parameter blocks: how many neighbours in the filter belong to one tap.
  private mutating func finish(
    _ node: TFLiteNode, _ input: (value: Int, shape: [Int], order: Order), _ filter: Constant,
    kernel: (Int, Int), _ fields: TFLiteWindowFields, outputs: Int, groups: Int, blocks: Int
  ) throws(ImportError) {
    let (window, _) = try node.window(
      height: input.shape[1], width: input.shape[2], kernel: kernel, fields)
    let turn = Transposition(rows: window.taps, columns: blocks)
    let convolution = FloatGraph.Convolution(
      weights: turn(filter.values), bias: try bias(node), outputChannels: outputs,
      window: FloatGraph.Window(window), groups: groups)
    let value = try append(.convolution(convolution), node, inputs: [input.value])
    try finish(node, value, bounds: try node.bounds(fields.activation))
  }
}

extension TFLiteIntegerConverter {
  /// Filter [O, KH, KW, I / groups].
  fileprivate mutating func convolution(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let weights = try weights(node, axis: 0)
    let source = builder[input]
    guard weights.shape.count == 4, source.channels % weights.shape[3] == 0 else {
      throw node.error("a filter of shape \(weights.shape) on \(source.channels) channels")
    }
    let fields = TFLiteWindowFields.convolution
    let (window, extent) = try node.window(
      height: source.height, width: source.width, kernel: (weights.shape[1], weights.shape[2]),
      fields)
    let (outputs, groups) = (weights.shape[0], source.channels / weights.shape[3])
    guard outputs % groups == 0 else {
      throw node.error("\(outputs) filters in \(groups) groups")
    }
    let weighted = try weighted(
      node, weights, input: input, outputs: outputs, activation: fields.activation)
    try finish(
      node, .convolution(window.integer, groups: groups, weighted), [input],
      extent: extent + [outputs])
  }

  /// Filter [1, KH, KW, C · multiplier]. Several outputs an input channel are a grouped convolution.
  fileprivate mutating func depthwiseConvolution(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    var weights = try weights(node, axis: 3)
    let source = builder[input]
    guard weights.shape.count == 4, weights.shape[0] == 1, weights.shape[3] % source.channels == 0
    else {
      throw node.error("a filter of shape \(weights.shape) on \(source.channels) channels")
    }
    let fields = TFLiteWindowFields.depthwise
    let (window, extent) = try node.window(
      height: source.height, width: source.width, kernel: (weights.shape[1], weights.shape[2]),
      fields)
    let outputs = weights.shape[3]
    let isPlain = outputs == source.channels
    if !isPlain {
      weights.values = Transposition(rows: window.taps, columns: outputs)(weights.values)
    }
    let weighted = try weighted(
      node, weights, input: input, outputs: outputs, activation: fields.activation)
    try finish(
      node,
      isPlain
        ? .depthwiseConvolution(window.integer, weighted)
        : .convolution(window.integer, groups: source.channels, weighted), [input],
      extent: extent + [outputs])
  }
}
