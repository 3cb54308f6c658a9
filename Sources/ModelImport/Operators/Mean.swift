import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// The mean, the largest or the smallest over some axes.
extension OperatorRoom {
  static let mean = OperatorRoom(
    OnnxRow(
      "GlobalAveragePool", float: { try $0.globalAveragePool() }, quantized: { try $0.mean() }),
    OnnxRow(
      "ReduceMean", .ofReductions, float: { try $0.reduceMean() }, quantized: { try $0.mean() }),
    OnnxRow("GlobalMaxPool", float: { try $0.globalMaxPool() }),
    OnnxRow(
      "QLinearGlobalAveragePool", ["channels_last"], in: .runtime,
      statesItsInputsGrid: true, quantized: { try $0.qLinearGlobalAveragePool() }),
    TFLiteRow(.mean, float: { try $0.mean() }, integer: { try $0.mean() }),
    TFLiteRow(
      .reduceMax, takesPlainIntegers: true, float: { try $0.maximum() },
      integer: { try $0.maximum() }),
    TFLiteRow(
      .reduceMin, takesPlainIntegers: true, float: { try $0.reduce(.minimum) },
      integer: { try $0.minimum() }),
    TFLiteRow(.sum, float: { try $0.reduce(.sum) }, integer: { try $0.sum() }))
}

extension OnnxConverter {
  fileprivate mutating func globalAveragePool() throws(ImportError) -> Binding {
    let input = try slidingInput()
    return try append(.globalAveragePool, over: input, shape: [input.shape[0], 1, 1])
  }

  fileprivate mutating func globalMaxPool() throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    return try append(
      .reduce(.maximum, axes: Array(shape.indices.dropFirst())), inputs: [value])
  }

  /// Over height and width it is the pool that most networks end with.
  fileprivate mutating func reduceMean() throws(ImportError) -> Binding {
    let source = try placed()
    let (axes, keeps) = try reducedAxes(of: source)
    guard source.place == .first, source.shape.count == 3, axes == [1, 2] else {
      return try reduce(.mean)
    }
    let channels = source.shape[0]
    return try append(
      .globalAveragePool, inputs: [source.value], shape: keeps ? [channels, 1, 1] : [channels])
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func mean() throws(ImportError) {
    try adopt(onIntegers: false) { operation, tensors in
      operation.as(FloatGraph.GlobalAveragePool.self) == nil ? nil : .mean(tensors[0])
    }
  }

  fileprivate mutating func qLinearGlobalAveragePool() throws(ImportError) {
    try checkChannelsFirst()
    let input = try integerInput(0)
    let shape = input.shape
    try node.support(shape.count == 3, "an input of shape \(shape)")
    let tensor = try image(input.tensor, shape: shape)
    try finish(.mean(tensor), shape: [shape[0], 1, 1], input.type, scale: 3, zeroPoint: 4)
  }
}

extension PendingOperation {
  fileprivate static func mean(_ source: Int) -> PendingOperation {
    PendingOperation { converter, pending, target throws(ImportError) in
      let from = converter.builder[source]
      let scale = try converter.node.built { () throws(BuildError) in
        try converter.builder.rescale(
          meanOf: from.height * from.width, from: from.grid, to: target.grid,
          within: pending.bounds(on: target.grid))
      }
      return try converter.append(.mean(.init(scale)), [source], named: pending.name, to: target)
    }
  }
}

extension TFLiteNode {
  /// The axes that a reduction takes together; negative ones count from the end.
  fileprivate func reducedAxes() throws(ImportError) -> Set<Int> {
    let rank = try tensor(0).shape.count
    var axes: Set<Int> = []
    for declared in try integers(1, "the axes") {
      let axis = declared < 0 ? declared &+ rank : declared
      try require((0..<rank).contains(axis), "axis \(declared) of a tensor of rank \(rank)")
      axes.insert(axis)
    }
    return axes
  }
}

extension TFLiteFloatConverter {
  /// Whether height and width of an image are reduced, and nothing else.
  private func reducesPixels() throws(ImportError) -> Bool {
    let shape = try node.tensor(0).shape
    guard isOnImages, shape.count == 4, !(try isConstant(0)) else { return false }
    let axes = try node.reducedAxes()
    return (0..<4).allSatisfy { shape[$0] == 1 || axes.contains($0) == (1...2).contains($0) }
  }

  fileprivate mutating func reduce(_ kind: FloatGraph.Reduce.Kind) throws(ImportError) {
    let input = try array()
    let axes = try node.reducedAxes().sorted()
    try finish(axes.isEmpty ? input : try made(.reduce(kind, axes: axes), [input], ""))
  }

  fileprivate mutating func mean() throws(ImportError) {
    guard try reducesPixels() else { return try reduce(.mean) }
    let input = try image()
    let value = try append(
      .globalAveragePool, inputs: [input.value], shape: [input.shape[0], 1, 1])
    try finish(value)
  }

  /// A pool whose only window is the image.
  fileprivate mutating func maximum() throws(ImportError) {
    guard try reducesPixels() else { return try reduce(.maximum) }
    let input = try image()
    let window = FloatGraph.Window(kernelHeight: input.shape[1], kernelWidth: input.shape[2])
    try finish(try append(.maxPool(.init(window: window)), inputs: [input.value]))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func mean() throws(ImportError) {
    let input = try array()
    let axes = try node.reducedAxes()
    let tensor = builder.reducible(input, over: axes)
    let source = builder[tensor]
    let output = try description(try node.output())
    let scale = try node.built { () throws(BuildError) in
      try builder.rescale(
        meanOf: source.height * source.width, from: source.grid, to: output.grid,
        within: output.grid.whole, division: .ofMultiplier)
    }
    try finish(.mean(.init(scale)), [tensor], extent: [1, 1, source.channels])
  }

  /// A product with a row of ones, whose grid has the scale 1.
  fileprivate mutating func sum() throws(ImportError) {
    let tensor = builder.reducible(try array(), over: try node.reducedAxes())
    let (source, output) = (builder[tensor], try description(try node.output()))
    let count = source.height * source.width
    try claim(count, size: 1)
    let name = Self.derived(output.name, "/ones")
    let ones = builder.append(
      name, .constant(.init([Int8](repeating: 1, count: count))), [],
      giving: IntegerTensor(
        name: name, extent: [1, 1, count], grid: Grid(scale: 1, zeroPoint: 0, bits: 8)))
    let column = builder.viewed(
      tensor, as: [1, count, source.channels], named: Self.derived(source.name, "/view"))
    let scale = try node.built { () throws(BuildError) in
      try builder.matrixProduct(of: [ones, column], on: output.grid, within: output.grid.whole)
    }
    try finish(.batchMatMul(.init(scale)), [ones, column], extent: [1, 1, source.channels])
  }

  fileprivate mutating func maximum() throws(ImportError) {
    try requireOneGrid()
    try finish(builder.maximum(try array(), over: try node.reducedAxes()))
  }

  fileprivate mutating func minimum() throws(ImportError) {
    try requireOneGrid()
    try finish(builder.minimum(try array(), over: try node.reducedAxes()))
  }
}
