import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let convolution = OperatorRoom(
    OnnxRow(
      "Conv", attributes, float: { try $0.convolution() }, quantized: { try $0.convolution() }),
    OnnxRow(
      "QLinearConv", attributes, statesItsInputsGrid: true,
      quantized: { try $0.qLinearConvolution() }), OnnxRow("ConvInteger"),
    TFLiteRow(
      .conv2D, float: { try $0.convolution(isDepthwise: false) },
      integer: { try $0.convolution(isDepthwise: false) }),
    TFLiteRow(
      .depthwiseConv2D, float: { try $0.convolution(isDepthwise: true) },
      integer: { try $0.convolution(isDepthwise: true) }))

  private static let attributes = Set.ofWindows.union(["group"])
}

// MARK: - ONNX

extension ImportNode {
  /// Kernel and groups of a node with weights of [O, C / groups, KH, KW], or
  /// [C, O / groups, KH, KW] where it is transposed; over a sequence without KH.
  func kernelAndGroups(
    weights: [Int], over input: SlidingInput
  ) throws(ImportError) -> (kernel: [Int], groups: Int) {
    guard input.shape.count == 3, weights.count == (input.isSequence ? 3 : 4) else {
      throw unsupported(
        "only convolution over one or two axes; input \(input.shape), weights \(weights)")
    }
    let kernel = input.isSequence ? [1, weights[2]] : Array(weights[2...])
    if let declared = try perAxis("kernel_shape", isSequence: input.isSequence), declared != kernel
    {
      throw error("kernel_shape \(declared) differs from weights of shape \(weights)")
    }
    return (kernel, try integer("group") ?? 1)
  }
}

extension OnnxConverter {
  fileprivate mutating func convolution() throws(ImportError) -> Binding {
    let input = try slidingInput()
    guard let weights = try weights(1) else { throw node.error("has no weights") }
    let (kernel, groups) = try node.kernelAndGroups(weights: weights.shape, over: input)
    guard groups >= 1,
      weights.shape[1].multipliedReportingOverflow(by: groups) == (input.shape[0], false)
    else {
      throw node.error(
        "weights of shape \(weights.shape) in \(groups) groups do not fit input \(input.shape)")
    }
    let window = try window(kernel: kernel, over: input)
    let bias = try self.weights(2, shape: [weights.shape[0]])?.values
    let convolution = FloatGraph.Convolution(
      weights: weights.values, bias: bias, outputChannels: weights.shape[0],
      window: FloatGraph.Window(window), groups: groups)
    return try append(.convolution(convolution), over: input)
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func convolution() throws(ImportError) {
    let (input, shape) = try realInput()
    let weights = try constantWeights(1)
    var (layer, output) = try convolution(input: input, shape: shape, weights: weights)
    layer.bias = try bias(2, layer: layer)
    try bind(layer.pending(), shape: output)
  }

  /// x, its scale and zero point, w, …, y's scale and zero point, and a bias of int32.
  fileprivate mutating func qLinearConvolution() throws(ImportError) {
    let input = try integerInput(0)
    let weights = try integerWeights(3, axis: 0)
    var (layer, output) = try convolution(
      input: input.tensor, shape: input.shape, weights: weights)
    layer.bias = try integerBias(8, layer.outputChannels)
    try finish(layer.pending(), shape: output, input.type, scale: 6, zeroPoint: 7)
  }

  /// A layer without its bias, and the shape that it gives.
  private mutating func convolution(
    input: Int, shape: [Int], weights: OnnxWeights
  ) throws(ImportError) -> (layer: QuantizedLayer, output: [Int]) {
    let dimensions = weights.dimensions
    let source = SlidingInput(value: input, shape: shape, isSequence: false)
    let (kernel, groups) = try node.kernelAndGroups(weights: dimensions, over: source)
    let input = try image(input, shape: shape)
    guard groups >= 1, dimensions[0] >= 1, dimensions[0] % groups == 0,
      dimensions[1].multipliedReportingOverflow(by: groups) == (shape[0], false)
    else {
      throw node.error("weights of shape \(dimensions) in \(groups) groups do not fit \(shape)")
    }
    let window = try float.window(kernel: kernel, over: source)
    let extents = try node.obeying { () throws(RuleViolation) in
      try FloatGraph.Window(window).outputExtents(height: shape[1], width: shape[2])
    }
    try checkScales(weights, channels: dimensions[0], axis: 0)
    let layer = QuantizedLayer(input: input, weights: weights, outputChannels: dimensions[0]) {
      converter, layer, name throws(ImportError) in
      try converter.form(layer, window, groups: groups, name: name)
    }
    return (layer, [dimensions[0], extents.height, extents.width])
  }

  private mutating func form(
    _ layer: QuantizedLayer, _ window: PaddedWindow, groups: Int, name: String
  ) throws(ImportError) -> QuantizedLayer.Form {
    let channels = builder[layer.input].channels
    let (input, own) = try reachable(layer.input, window, name)
    let isDepthwise = groups == channels && layer.outputChannels == channels
    let order = Transposition(
      rows: isDepthwise ? channels : channels / groups, columns: window.taps)
    return QuantizedLayer.Form(
      input: input,
      kind: {
        isDepthwise
          ? .depthwiseConvolution(.init(own, $0)) : .convolution(.init(own, groups: groups, $0))
      }, place: order.place)
  }
}

// MARK: - TensorFlow Lite

/// [O, KH, KW, I / groups], or [1, KH, KW, C · multiplier] of a depthwise convolution.
private struct TFLiteFilter {
  let kernel: (Int, Int)
  let outputs, groups: Int
  let fields: TFLiteWindowFields

  /// - Parameter input: has so many channels; told in the error.
  init(
    _ node: TFLiteNode, _ shape: [Int], channels: Int, of input: String, isDepthwise: Bool
  ) throws(ImportError) {
    guard shape.count == 4,
      isDepthwise ? shape[0] == 1 && shape[3] % channels == 0 : channels % shape[3] == 0
    else { throw node.error("a filter of shape \(shape) on \(input)") }
    kernel = (shape[1], shape[2])
    outputs = isDepthwise ? shape[3] : shape[0]
    groups = isDepthwise ? channels : channels / shape[3]
    fields = isDepthwise ? Self.depthwiseFields : Self.fields
  }

  private typealias Depthwise = TFLite.Options.DepthwiseConvolution
  private static let depthwiseFields = TFLiteWindowFields(
    activation: Depthwise.activation, dilationHeight: Depthwise.dilationHeight,
    dilationWidth: Depthwise.dilationWidth)

  private typealias Plain = TFLite.Options.Convolution
  private static let fields = TFLiteWindowFields(
    activation: Plain.activation, dilationHeight: Plain.dilationHeight,
    dilationWidth: Plain.dilationWidth)
}

extension TFLiteFloatConverter {
  fileprivate mutating func convolution(isDepthwise: Bool) throws(ImportError) {
    let stored = try constant(1, "a filter")
    let input = try images()
    let filter = try TFLiteFilter(
      node, stored.shape, channels: input.shape[0], of: "\(input.shape)", isDepthwise: isDepthwise)
    let (window, _) = try node.window(
      height: input.shape[1], width: input.shape[2], kernel: filter.kernel, filter.fields)
    let turn = Transposition(rows: window.taps, columns: stored.shape[3])
    let convolution = FloatGraph.Convolution(
      weights: turn(stored.values), bias: try bias(), outputChannels: filter.outputs,
      window: FloatGraph.Window(window), groups: filter.groups)
    try finish(
      .convolution(convolution), on: input, bounds: try node.bounds(filter.fields.activation))
  }
}

extension TFLiteIntegerConverter {
  /// Several outputs an input channel of a depthwise convolution are a grouped convolution.
  fileprivate mutating func convolution(isDepthwise: Bool) throws(ImportError) {
    let images = try images()
    let input = images[0]
    var weights = try weights(axis: isDepthwise ? 3 : 0)
    let source = builder[input]
    let filter = try TFLiteFilter(
      node, weights.shape, channels: source.channels, of: "\(source.channels) channels",
      isDepthwise: isDepthwise)
    let (window, extent) = try node.window(
      height: source.height, width: source.width, kernel: filter.kernel, filter.fields)
    try node.require(
      filter.outputs % filter.groups == 0, "\(filter.outputs) filters in \(filter.groups) groups")
    let isPlain = isDepthwise && filter.outputs == source.channels
    if isDepthwise, !isPlain {
      let order = Transposition(rows: window.taps, columns: filter.outputs)
      weights.values.reorder { order($0) }
    }
    let weighted = try weighted(
      weights, input: input, outputs: filter.outputs, activation: filter.fields.activation,
      biasType: isDepthwise ? nil : TFLite.Options.Convolution.biasType)
    try finish(
      layer: isPlain
        ? .depthwiseConvolution(.init(window.integer, weighted))
        : .convolution(.init(window.integer, groups: filter.groups, weighted)), weights,
      images: images, extent: extent + [filter.outputs])
  }
}
