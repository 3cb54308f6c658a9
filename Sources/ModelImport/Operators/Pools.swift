import CupelFixedPoint
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
      integer: { try $0.averagePool() }),
    TFLiteRow(
      .maxPool2D, takesPlainIntegers: true, float: { try $0.pool { .maxPool(.init(window: $0)) } },
      integer: { try $0.maxPool() }))
}

extension OnnxConverter {
  fileprivate mutating func averagePool() throws(ImportError) -> Binding {
    let countsPadding = try node.flag("count_include_pad")
    let (input, window) = try poolingWindow(extendingIsNeutral: !countsPadding)
    return try append(
      .averagePool(.init(window: window, countsPadding: countsPadding)), over: input)
  }

  fileprivate mutating func maxPool() throws(ImportError) -> Binding {
    let (input, window) = try poolingWindow(extendingIsNeutral: true)
    return try append(.maxPool(.init(window: window)), over: input)
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
      return .averagePool(pooling, tensors[0], isFused: false)
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
      window: FloatGraph.Window(
        try float.window(
          kernel: kernel, over: SlidingInput(value: input, shape: shape, isSequence: false))),
      countsPadding: try node.flag("count_include_pad"))
    let output = try node.shape(of: .averagePool(pooling), inputs: [shape])
    try finish(
      .averagePool(pooling, input, isFused: true), shape: output, source.type, scale: 3,
      zeroPoint: 4)
  }

  /// The pool as ONNX Runtime computes it, on any grid.
  fileprivate mutating func emitPool(
    _ pooling: FloatGraph.AveragePool, _ source: Int, _ pending: PendingOperation,
    to target: Target, _ mode: RoundingMode
  ) throws(ImportError) -> Int {
    let window = pooling.window.padded
    // Float poolings count no elements behind the padding, where ceil_mode lets a window reach.
    let isExceeding =
      pooling.countsPadding && (window.exceedsItsReach || mode == .float32Steps)
    let (input, own) =
      isExceeding
      ? (try padded(source, around: window, pending.name), window.bare.integer)
      : (source, window.integer)
    let counts = pooling.countsPadding && window.isPadded && !isExceeding
    let pool = IntegerOperation.Kind.averagePool(
      .init(own, rounding: mode, countsPadding: counts))
    let bounds = pending.bounds(on: target.grid)
    var inner = target
    if bounds != target.grid.whole { inner.name += "/unbounded" }
    let pooled = try append(pool, [input], named: pending.name, to: inner)
    if bounds == target.grid.whole { return pooled }
    var rest = pending
    rest.name += "/clamp"
    return try bring(pooled, rest, to: target)
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
    _ pooling: FloatGraph.AveragePool, _ source: Int, isFused: Bool
  ) -> PendingOperation {
    let window = pooling.window.padded
    return PendingOperation { converter, pending, target throws(ImportError) in
      converter.chooseElementMode(pending, of: [source], target, isFused: isFused)
      let mode = converter.builder.elementMode
      if mode != .doubleRounding {
        return try converter.emitPool(pooling, source, pending, to: target, mode)
      }
      // Whether every window has the same number of elements that count.
      return pooling.countsPadding || !window.isPadded
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
    let images = try images()
    let (window, _) = try node.poolWindow(height: images.shape[1], width: images.shape[2])
    try finish(
      operation(FloatGraph.Window(window)), on: images,
      bounds: try node.bounds(TFLite.Options.Pool.activation))
  }
}

/// A pool's images on its output's grid, and what it does with them.
private struct TFLitePool {
  var images: [Int]
  var window: PaddedWindow
  /// Height, width and channels that an image gives.
  var extent: [Int]
  var grid: Grid
  var limits: Bounds
}

extension TFLiteIntegerConverter {
  fileprivate mutating func maxPool() throws(ImportError) {
    let pool = try pool()
    try finish(
      each: pool.images, .maxPool(.init(pool.window.integer)), extent: pool.extent,
      within: pool.limits)
  }

  /// Of uint8 LiteRT rounds ties up, of int8 away from zero. Windows of an odd number of elements,
  /// all of them inside the image, have no ties.
  fileprivate mutating func averagePool() throws(ImportError) {
    let pool = try pool()
    let type = try node.tensor(0).type
    if type == .uint8, pool.window.isPadded || pool.window.taps.isMultiple(of: 2) {
      return pool.window.isPadded || pool.window.taps > Self.mostSummed
        ? try unsignedMeans(pool) : try unsignedUniformMeans(pool)
    }
    let mode = type == .int16 ? .doubleRounding : builder.elementMode
    try finish(
      each: pool.images, .averagePool(.init(pool.window.integer, rounding: mode)),
      extent: pool.extent, within: pool.limits)
  }

  /// Elements of a window over which a scale in float32 is off by less than a quarter of one step.
  private static let mostSummed = 4096

  /// Windows of as many elements each: a depthwise convolution whose bias is a quarter of a step of
  /// the sum. That moves ties up and nothing else over one; the weights keep what rounding twice
  /// adds below it.
  private mutating func unsignedUniformMeans(_ pool: TFLitePool) throws(ImportError) {
    let weight = 64
    let channels = pool.extent[2]
    let (count, overflow) = pool.window.taps.multipliedReportingOverflow(by: channels)
    try node.require(!overflow, "a window of \(pool.window.taps) elements")
    try claim(count, size: 1)
    try claim(channels, size: 20)
    let layer = try node.built { () throws(BuildError) in
      try builder.weighted(
        [Int8](repeating: Int8(weight), count: count), bits: 8,
        bias: [Int32](repeating: Int32(weight / 4), count: channels),
        scales: [Float](repeating: 1 / Float(weight * pool.window.taps), count: channels),
        from: pool.images[0], to: pool.grid, within: pool.limits)
    }
    try claim(count, size: pool.images.count - 1)
    try finish(each: pool.images, extent: pool.extent) { _, image in
      (.depthwiseConvolution(.init(pool.window.integer, layer)), image)
    }
  }

  /// Windows of any number of elements: means of the file's own integers, on 16 bits. None of those is
  /// negative, so that away from zero is up.
  private mutating func unsignedMeans(_ pool: TFLitePool) throws(ImportError) {
    let narrow = Grid(scale: pool.grid.scale, zeroPoint: -128, bits: 8)
    let wide = Grid(scale: pool.grid.scale, zeroPoint: 0, bits: 16)
    try node.support(
      pool.window.taps < 1 << 15, "means of uint8 over \(pool.window.taps) elements with padding")
    let back = try node.built { () throws(BuildError) in
      try builder.rescale(from: wide, to: narrow, within: pool.limits)
    }
    try finish(each: pool.images, extent: pool.extent) { converter, image throws(ImportError) in
      let pooled = try converter.wideMeans(of: image, pool, from: narrow, on: wide)
      if pool.grid == narrow { return (.requantize(.init(back)), pooled) }
      let means = converter.unlike(pooled, .requantize(.init(back)), pool.extent, narrow, "/means")
      return (.lookup(.init(table: FunctionTable.identity)), means)
    }
  }

  private mutating func wideMeans(
    of image: Int, _ pool: TFLitePool, from narrow: Grid, on wide: Grid
  ) throws(ImportError) -> Int {
    let own = builder.relabelled(
      image, as: narrow, named: Self.derived(builder[image].name, "/unsigned"))
    let rescale = try node.built { () throws(BuildError) in
      try builder.rescale(from: narrow, to: wide)
    }
    let values = unlike(own, .requantize(.init(rescale)), builder[own].extent, wide, "/wide")
    return unlike(
      values, .averagePool(.init(pool.window.integer)), pool.extent, wide, "/wide-means")
  }

  /// What an operation gives on a grid of its own, on the way to a node's output.
  private mutating func unlike(
    _ source: Int, _ kind: IntegerOperation.Kind, _ extent: [Int], _ grid: Grid, _ suffix: String
  ) -> Int {
    let name = Self.derived(builder[source].name, suffix)
    return builder.append(
      name, kind, [source], giving: IntegerTensor(name: name, extent: extent, grid: grid))
  }

  private mutating func pool() throws(ImportError) -> TFLitePool {
    let images = try images()
    let source = builder[images[0]]
    let (window, extent) = try node.poolWindow(height: source.height, width: source.width)
    let output = try description(try node.output())
    let limits = output.limits(try node.bounds(TFLite.Options.Pool.activation))
    // Pools keep the integers' grid: LiteRT takes no notice of the output's. TensorFlow Lite Micro
    // does, but for the scale's last bits.
    let isNear = abs(source.scale - output.scale) <= 1e-6 && source.zeroPoint == output.zeroPoint
    if builder.profile == .tflm, !isNear { throw node.differentGrids(source, output) }
    return TFLitePool(
      images: images.map { relabelled($0, like: output) }, window: window,
      extent: extent + [source.channels], grid: output.grid, limits: limits)
  }
}
