import FloatGraph

/// Operators that slide a window: Conv, AveragePool, MaxPool.
extension OnnxConverter {
  mutating func convolution(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([
      "auto_pad", "dilations", "group", "kernel_shape", "pads", "strides",
    ])
    let (value, shape) = try activation(node)
    guard let weights = try weights(node, 1) else { throw node.error("has no weights") }
    guard shape.count == 3, weights.shape.count == 4 else {
      throw node.unsupported("only 2-D convolution; input \(shape), weights \(weights.shape)")
    }
    let kernel = Array(weights.shape[2...])
    if let declared = try node.integers("kernel_shape"), declared != kernel {
      throw node.error("kernel_shape \(declared) differs from weights of shape \(weights.shape)")
    }
    let groups = try node.integer("group") ?? 1
    guard groups >= 1, weights.shape[1].multipliedReportingOverflow(by: groups) == (shape[0], false)
    else {
      throw node.error(
        "weights of shape \(weights.shape) in \(groups) groups do not fit input \(shape)")
    }
    let window = try window(node, kernel: kernel, input: shape)
    let bias = try self.weights(node, 2, shape: [weights.shape[0]])?.values
    let convolution = FloatGraph.Convolution(
      weights: weights.values, bias: bias, outputChannels: weights.shape[0], window: window,
      groups: groups)
    return try append(.convolution(convolution), node, inputs: [value])
  }

  mutating func averagePool(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([
      "auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides",
    ])
    let countsPadding = try node.integer("count_include_pad") ?? 0 != 0
    let (value, window) = try poolingWindow(node, extendingIsNeutral: !countsPadding)
    return try append(
      .averagePool(.init(window: window, countsPadding: countsPadding)), node, inputs: [value])
  }

  mutating func maxPool(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([
      "auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides",
    ])
    let (value, window) = try poolingWindow(node, extendingIsNeutral: true)
    return try append(.maxPool(.init(window: window)), node, inputs: [value])
  }

  /// With `ceil_mode` the bottom and right padding grows until the last window fits, which changes
  /// nothing but the output's size where padding does not count.
  private mutating func poolingWindow(
    _ node: ImportNode, extendingIsNeutral: Bool
  ) throws(ImportError) -> (value: Int, window: FloatGraph.Window) {
    let (value, shape) = try activation(node)
    guard shape.count == 3 else {
      throw node.unsupported("only 2-D pooling; input \(shape)")
    }
    guard let kernel = try node.integers("kernel_shape"), kernel.count == 2 else {
      throw node.error("kernel_shape needs two extents")
    }
    var window = try window(node, kernel: kernel, input: shape)
    guard try node.integer("ceil_mode") ?? 0 != 0 else { return (value, window) }
    let extraHeight = Self.ceilingExtension(
      input: shape[1], before: window.padTop, after: window.padBottom,
      extent: window.extentHeight, stride: window.strideHeight)
    let extraWidth = Self.ceilingExtension(
      input: shape[2], before: window.padLeft, after: window.padRight,
      extent: window.extentWidth, stride: window.strideWidth)
    guard extendingIsNeutral || (extraHeight == 0 && extraWidth == 0) else {
      throw node.unsupported("ceil_mode together with count_include_pad")
    }
    window.padBottom += extraHeight
    window.padRight += extraWidth
    return (value, window)
  }

  /// Padding to add for the output size to round up; none where that window would start in the
  /// padding, since such windows are left out.
  private static func ceilingExtension(
    input: Int, before: Int, after: Int, extent: Int, stride: Int
  ) -> Int {
    let span = input + before + after - extent
    guard span >= 0, span % stride != 0 else { return 0 }
    let start = (span / stride + 1) * stride
    return start < input + before ? start - span : 0
  }

  /// The window's attributes, with `auto_pad` resolved for an input of [C, H, W].
  func window(
    _ node: ImportNode, kernel: [Int], input: [Int]
  ) throws(ImportError) -> FloatGraph.Window {
    let strides = try pair(node, "strides")
    let dilations = try pair(node, "dilations")
    let limit = ShapeArithmetic.maximumWindowExtent
    guard (kernel + strides + dilations).allSatisfy({ (1...limit).contains($0) }) else {
      throw node.error(
        "kernel \(kernel), strides \(strides) and dilations \(dilations) must lie in 1...\(limit)")
    }
    var window = FloatGraph.Window(
      kernelHeight: kernel[0], kernelWidth: kernel[1], strideHeight: strides[0],
      strideWidth: strides[1], dilationHeight: dilations[0], dilationWidth: dilations[1])
    let pads = try node.integers("pads")
    switch try node.text("auto_pad") ?? "NOTSET" {
    case "NOTSET":
      let pads = pads ?? [0, 0, 0, 0]
      guard pads.count == 4, pads.allSatisfy({ (0...limit).contains($0) }) else {
        throw node.error("pads \(pads.prefix(8)) must be four numbers in 0...\(limit)")
      }
      (window.padTop, window.padLeft) = (pads[0], pads[1])
      (window.padBottom, window.padRight) = (pads[2], pads[3])
    case "VALID":
      break
    case let mode where mode == "SAME_UPPER" || mode == "SAME_LOWER":
      let vertical = Self.samePadding(
        input: input[1], extent: window.extentHeight, stride: strides[0])
      let horizontal = Self.samePadding(
        input: input[2], extent: window.extentWidth, stride: strides[1])
      let lower = mode == "SAME_LOWER"
      window.padTop = lower ? vertical - vertical / 2 : vertical / 2
      window.padLeft = lower ? horizontal - horizontal / 2 : horizontal / 2
      window.padBottom = vertical - window.padTop
      window.padRight = horizontal - window.padLeft
    case let mode:
      throw node.error("auto_pad '\(printable(mode))' is not known")
    }
    return window
  }

  /// Padding in all that gives ⌈input / stride⌉ outputs.
  private static func samePadding(input: Int, extent: Int, stride: Int) -> Int {
    max(((input + stride - 1) / stride - 1) * stride + extent - input, 0)
  }

  private func pair(_ node: ImportNode, _ name: String) throws(ImportError) -> [Int] {
    let values = try node.integers(name) ?? [1, 1]
    guard values.count == 2 else { throw node.error("\(name) needs two extents") }
    return values
  }
}
