import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let transposeConvolution = OperatorRoom(
    OnnxRow(
      "ConvTranspose", .ofWindows.union(["group", "output_padding", "output_shape"]),
      float: { try $0.transposeConvolution() }, quantized: { try $0.transposeConvolution() }),
    TFLiteRow(
      .transposeConv, float: { try $0.transposeConvolution() },
      integer: { try $0.transposeConvolution() }))
}

// MARK: - ONNX

/// A node's weights of [C, O / groups, KH, KW] and its window, which slides over the output.
private struct OnnxTransposition {
  let groups, outputChannels: Int
  let window: PaddedWindow
  /// Height and width of the output, and what of them lies behind the last window.
  let extent, outputPadding: [Int]
  /// From each group's [C][O][taps] to [O][taps][C], as programs have it.
  let order: Transposition

  init(
    _ node: ImportNode, weights: [Int], over source: SlidingInput, _ converter: OnnxConverter
  ) throws(ImportError) {
    let kernel: [Int]
    let input = source.shape
    (kernel, groups) = try node.kernelAndGroups(weights: weights, over: source)
    let outputs = weights[1].multipliedReportingOverflow(by: groups)
    guard groups >= 1, weights[0] == input[0], weights[0] % groups == 0, weights[1] >= 1,
      !outputs.overflow
    else {
      throw node.error("weights of shape \(weights) in \(groups) groups do not fit input \(input)")
    }
    outputChannels = outputs.partialValue
    order = Transposition(rows: input[0] / groups, columns: weights[1] * kernel[0] * kernel[1])
    outputPadding =
      try node.list(
        "output_padding", over: source, height: 0, in: 0...ShapeArithmetic.maximumWindowExtent)
      ?? [0, 0]
    (window, extent) = try Self.placed(node, kernel, source, outputPadding, converter)
  }

  /// The window with the padding that cuts the output to its size, and that size.
  private static func placed(
    _ node: ImportNode, _ kernel: [Int], _ source: SlidingInput, _ more: [Int],
    _ converter: OnnxConverter
  ) throws(ImportError) -> (PaddedWindow, extent: [Int]) {
    let input = source.shape
    var window = try converter.window(kernel: kernel, over: source)
    let mode = try node.text("auto_pad") ?? "NOTSET"
    var wanted = try node.list("output_shape", over: source, height: 1, in: 1...Int(Int32.max))
    let isStated = wanted != nil
    if wanted == nil, mode.hasPrefix("SAME") {
      wanted = [input[1] * window.rows.stride, input[2] * window.columns.stride]
    }
    var extent: [Int] = []
    for (index, path) in [\PaddedWindow.rows, \PaddedWindow.columns].enumerated() {
      let stride = window[keyPath: path].stride
      let full = (input[index + 1] - 1) * stride + window[keyPath: path].reach + more[index]
      if let wanted {
        let total = full - wanted[index]
        try node.support(
          total >= 0 || !isStated, "output_shape \(wanted) beyond what the input reaches")
        // The odd element lies in front but for SAME_UPPER.
        let spare = max(total, 0)
        window[keyPath: path].before = mode == "SAME_UPPER" ? spare / 2 : spare - spare / 2
        window[keyPath: path].after = spare - window[keyPath: path].before
      }
      extent.append(full - window[keyPath: path].before - window[keyPath: path].after)
    }
    guard extent.allSatisfy({ $0 >= 1 }) else {
      throw node.error("its padding leaves \(extent[0]) × \(extent[1]) of the output")
    }
    return (window, extent)
  }
}

extension ImportNode {
  /// An attribute's numbers for height and width; nil where it is left out.
  fileprivate func list(
    _ name: String, over input: SlidingInput, height: Int, in range: ClosedRange<Int>
  ) throws(ImportError) -> [Int]? {
    let values = try perAxis(name, isSequence: input.isSequence, height: height)
    guard let values else { return nil }
    try require(values.allSatisfy(range.contains), "\(name) \(values) must lie in \(range)")
    return values
  }
}

extension OnnxConverter {
  fileprivate mutating func transposeConvolution() throws(ImportError) -> Binding {
    let input = try slidingInput()
    guard let weights = try weights(1) else { throw node.error("has no weights") }
    let form = try OnnxTransposition(node, weights: weights.shape, over: input, self)
    let bias = try self.weights(2, shape: [form.outputChannels])?.values
    let layer = FloatGraph.TransposeConvolution(
      weights: Transposition(rows: form.window.taps, columns: input.shape[0] / form.groups)(
        form.order(weights.values)), bias: bias, outputChannels: form.outputChannels,
      window: FloatGraph.Window(form.window), groups: form.groups,
      outputPadHeight: form.outputPadding[0], outputPadWidth: form.outputPadding[1])
    return try append(.transposeConvolution(layer), over: input)
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func transposeConvolution() throws(ImportError) {
    let (tensor, shape) = try realInput()
    let weights = try constantWeights(1)
    let form = try OnnxTransposition(
      node, weights: weights.dimensions,
      over: SlidingInput(value: tensor, shape: shape, isSequence: false), float)
    let input = try image(tensor, shape: shape)
    // Each group's channels have the same scales.
    try checkScales(weights, channels: weights.dimensions[1], axis: 1)
    try node.support(!form.window.exceedsItsReach, "pads of a whole window or more")
    var layer = QuantizedLayer(
      input: input, weights: weights, outputChannels: form.outputChannels
    ) { _, layer, _ in
      QuantizedLayer.Form(
        input: layer.input,
        kind: { .transposeConvolution(.init(form.window.integer, groups: form.groups, $0)) },
        place: form.order.place)
    }
    layer.bias = try bias(2, layer: layer)
    try bind(layer.pending(), shape: [form.outputChannels] + form.extent)
  }
}

// MARK: - TensorFlow Lite

/// A node's inputs are the output's shape, a filter of [O, KH, KW, C], an image and a bias.
private struct TFLiteTransposition {
  static let image = 2
  static let bias = 3

  let outputChannels: Int
  /// Slides over the output, where it has as many places as the image has pixels.
  let window: PaddedWindow
  /// Height and width of the output.
  let extent: [Int]

  /// - Parameter image: height, width and channels.
  init(_ node: TFLiteNode, filter: [Int], image: [Int]) throws(ImportError) {
    let shape = node.model.tensors[try node.output()].shape
    let stated = try node.computesShape(0) ? shape : try node.integers(0, "an output shape")
    guard shape.count == 4, shape == stated, TFLiteShape.elementCount(shape) != nil,
      shape.first == (try node.tensor(Self.image).shape.first)
    else { throw node.error("an output shape of \(stated) that its output has not") }
    let extent = Array(shape.dropFirst())
    guard filter.count == 4, filter[3] == image[2], filter[0] == extent[2] else {
      throw node.error("a filter of shape \(filter) from \(image) to \(extent)")
    }
    let (window, places) = try node.window(
      height: extent[0], width: extent[1], kernel: (filter[1], filter[2]), Self.fields)
    guard places == Array(image[..<2]) else {
      throw node.error(
        "windows take \(places[0]) × \(places[1]) places in an output of \(extent), for an image "
          + "of \(image)")
    }
    (self.outputChannels, self.window, self.extent) = (filter[0], window, Array(extent[..<2]))
  }

  static let fields = TFLiteWindowFields(activation: TFLite.Options.TransposeConvolution.activation)
}

extension TFLiteFloatConverter {
  fileprivate mutating func transposeConvolution() throws(ImportError) {
    let filter = try constant(1, "a filter")
    let input = try images(TFLiteTransposition.image)
    let form = try TFLiteTransposition(
      node, filter: filter.shape, image: ChannelOrder.last(input.shape))
    let turn = Transposition(rows: form.window.taps, columns: input.shape[0])
    // What of the output lies behind the last window.
    func rest(_ axis: WindowAxis, _ input: Int, _ output: Int) -> Int {
      output - (input - 1) * axis.stride - axis.reach + axis.before + axis.after
    }
    let layer = FloatGraph.TransposeConvolution(
      weights: turn(filter.values), bias: try bias(TFLiteTransposition.bias),
      outputChannels: form.outputChannels, window: FloatGraph.Window(form.window),
      outputPadHeight: rest(form.window.rows, input.shape[1], form.extent[0]),
      outputPadWidth: rest(form.window.columns, input.shape[2], form.extent[1]))
    try finish(
      .transposeConvolution(layer), on: input,
      bounds: try node.bounds(TFLiteTransposition.fields.activation))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func transposeConvolution() throws(ImportError) {
    let images = try images(TFLiteTransposition.image)
    let input = images[0]
    let filter = try weights(axis: 0)
    let form = try TFLiteTransposition(node, filter: filter.shape, image: builder[input].extent)
    var weighted = try weighted(
      filter, bias: TFLiteTransposition.bias, input: input, outputs: form.outputChannels,
      activation: TFLiteTransposition.fields.activation,
      biasType: TFLite.Options.TransposeConvolution.biasType, microTakesShortBias: false)
    if builder.profile == .xnnpack, !builder[input].grid.isWide, try keepsFromXnnpack(form) {
      weighted.rounding = .doubleRounding
    }
    try finish(
      layer: .transposeConvolution(.init(form.window.integer, groups: 1, weighted)), filter,
      images: images, extent: form.extent + [form.outputChannels])
  }

  /// LiteRT hands a layer to XNNPACK whose output's shape stands in the file, and whose windows leave
  /// no gaps where the padding is SAME.
  private func keepsFromXnnpack(_ form: TFLiteTransposition) throws(ImportError) -> Bool {
    if try node.computesShape(0) { return true }
    return try node.padding(TFLite.Options.TransposeConvolution.padding) == .same
      && form.window.hasGaps
  }
}

extension PaddedWindow {
  /// Whether windows that lie side by side leave places between them.
  fileprivate var hasGaps: Bool {
    rows.stride > rows.kernel || columns.stride > columns.kernel
  }
}
