import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// The mean, or the largest, of the elements of windows.
extension OperatorRoom {
  static let pools = OperatorRoom(
    OnnxRow(
      "AveragePool", .ofWindows.union(["ceil_mode", "count_include_pad"]),
      float: { try $0.averagePool() }, quantized: { try $0.averagePool() }),
    OnnxRow(
      "MaxPool", .ofWindows.union(["ceil_mode", "storage_order"]), float: { try $0.maxPool() },
      quantized: { try $0.maxPool() }),
    OnnxRow(
      "QLinearAveragePool",
      .ofWindows.union(["ceil_mode", "channels_last", "count_include_pad"])
        .subtracting(["dilations"]), in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearAveragePool() }),
    TFLiteRow(
      .averagePool2D, float: { try $0.pool { .averagePool(.init(window: $0)) } },
      integer: { try $0.pool { .averagePool(.init($0)) } }),
    TFLiteRow(
      .maxPool2D, float: { try $0.pool { .maxPool(.init(window: $0)) } },
      integer: { try $0.pool { .maxPool(.init($0)) } }))
}

extension OnnxConverter {
  fileprivate mutating func averagePool() throws(ImportError) -> Binding {
    let countsPadding = try node.flag("count_include_pad")
    let (value, window) = try poolingWindow(extendingIsNeutral: !countsPadding)
    return try append(
      .averagePool(.init(window: window, countsPadding: countsPadding)), inputs: [value])
  }

  fileprivate mutating func maxPool() throws(ImportError) -> Binding {
    let (value, window) = try poolingWindow(extendingIsNeutral: true)
    return try append(.maxPool(.init(window: window)), inputs: [value])
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func maxPool() throws(ImportError) {
    try adopt(onIntegers: true) { operation, tensors in
      guard let pooling = operation.as(FloatGraph.MaxPool.self) else { return nil }
      let kind = IntegerOperation.Kind.maxPool(.init(pooling.window.padded.integer))
      return .moving(tensors) { _ in kind }
    }
  }

  fileprivate mutating func averagePool() throws(ImportError) {
    try adopt(onIntegers: false) { operation, tensors in
      guard let pooling = operation.as(FloatGraph.AveragePool.self) else { return nil }
      return .averagePool(pooling, tensors[0])
    }
  }

  fileprivate mutating func qLinearAveragePool() throws(ImportError) {
    try checkChannelsFirst()
    let source = try integerInput(0)
    let shape = source.shape
    guard shape.count == 3, let kernel = try node.integers("kernel_shape"), kernel.count == 2,
      !(try node.flag("ceil_mode"))
    else { throw node.unsupported("only 2-D pooling without ceil_mode") }
    let input = try image(source.tensor, shape: shape)
    let pooling = FloatGraph.AveragePool(
      window: FloatGraph.Window(try float.window(kernel: kernel, input: shape)),
      countsPadding: try node.flag("count_include_pad"))
    let output = try node.shape(of: .averagePool(pooling), inputs: [shape])
    try finish(
      .averagePool(pooling, input), shape: output, source.type, scale: 3, zeroPoint: 4)
  }

  /// A mean over windows of as many elements each is a depthwise convolution by one, with the
  /// division in its scale: on any grid, rounded as everything else.
  fileprivate mutating func emitUniformPool(
    _ window: PaddedWindow, _ source: Int, _ pending: PendingOperation, to target: Target
  ) throws(ImportError) -> Int {
    let channels = builder[source].channels
    let count = window.taps.multipliedReportingOverflow(by: channels)
    guard !count.overflow, float.budget.claim(count.partialValue, size: 1) else {
      throw node.unsupported("a pooling window of \(window.taps) elements")
    }
    let (input, own) = try reachable(source, window, pending.name)
    let weighted = try node.built { () throws(BuildError) in
      try builder.weighted(
        [Int8](repeating: 1, count: count.partialValue), bits: 8,
        bias: [Int32](repeating: 0, count: channels),
        scales: [Float](repeating: 1 / Float(window.taps), count: channels), from: input,
        to: target.grid, within: pending.bounds(on: target.grid))
    }
    return try append(
      .depthwiseConvolution(.init(own, weighted)), [input], named: pending.name, to: target)
  }
}

extension PendingOperation {
  fileprivate static func averagePool(
    _ pooling: FloatGraph.AveragePool, _ source: Int
  ) -> PendingOperation {
    let window = pooling.window.padded
    return PendingOperation { converter, pending, target throws(ImportError) in
      // Whether every window has the same number of elements that count.
      pooling.countsPadding || !window.isPadded
        ? try converter.emitUniformPool(window, source, pending, to: target)
        : try converter.move(.averagePool(.init(window.integer)), [source], pending, to: target)
    }
  }
}

extension TFLiteNode {
  fileprivate func poolWindow(
    height: Int, width: Int
  ) throws(ImportError) -> (window: PaddedWindow, extent: [Int]) {
    typealias Field = TFLite.Options.Pool
    let kernel = (try positive(Field.filterHeight), try positive(Field.filterWidth))
    return try window(
      height: height, width: width, kernel: kernel, TFLiteWindowFields(activation: Field.activation)
    )
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func pool(
    _ operation: (FloatGraph.Window) -> FloatGraph.Operation
  ) throws(ImportError) {
    let input = try image()
    let (window, _) = try node.poolWindow(height: input.shape[1], width: input.shape[2])
    let value = try append(operation(FloatGraph.Window(window)), inputs: [input.value])
    try finish(value, bounds: try node.bounds(TFLite.Options.Pool.activation))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func pool(
    _ kind: (IntegerOperation.Window) -> IntegerOperation.Kind
  ) throws(ImportError) {
    let input = try activation()
    let source = builder[input]
    let (window, extent) = try node.poolWindow(height: source.height, width: source.width)
    let output = try description(try node.output())
    let limits = output.limits(try node.bounds(TFLite.Options.Pool.activation))
    // Pools keep the integers' grid: what differs in its last bits is given the output's first.
    let own = relabelled(input, like: output)
    try finish(kind(window.integer), [own], extent: extent + [source.channels], within: limits)
  }
}
