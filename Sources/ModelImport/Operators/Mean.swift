import CupelFixedPoint
import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// The mean, or the largest, over height and width.
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
    TFLiteRow(.reduceMax, float: { try $0.maximum() }, integer: { try $0.maximum() }))
}

extension OnnxConverter {
  fileprivate mutating func globalAveragePool() throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    return try append(.globalAveragePool, inputs: [value], shape: [shape[0], 1, 1])
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
  /// Checks that what is reduced is height and width; other axes may be named where they have one
  /// element.
  ///
  /// - Parameter extent: height, width and channels.
  fileprivate func checkReducesPixels(of extent: [Int]) throws(ImportError) {
    let rank = try tensor(0).shape.count
    var isReduced = extent.map { $0 == 1 }
    for axis in try integers(1, "the axes") {
      guard let place = TFLiteShape.axis(axis, rank: rank) else {
        throw error("axis \(axis) of a tensor of rank \(rank)")
      }
      if place >= 0 { isReduced[place] = true }
    }
    guard isReduced[0], isReduced[1], !isReduced[2] || extent[2] == 1 else {
      throw unsupported("over other axes than height and width")
    }
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func mean() throws(ImportError) {
    let input = try image()
    try node.checkReducesPixels(of: ChannelOrder.last(input.shape))
    let value = try append(
      .globalAveragePool, inputs: [input.value], shape: [input.shape[0], 1, 1])
    try finish(value)
  }

  /// A pool whose only window is the image.
  fileprivate mutating func maximum() throws(ImportError) {
    let input = try image()
    try node.checkReducesPixels(of: ChannelOrder.last(input.shape))
    let window = FloatGraph.Window(kernelHeight: input.shape[1], kernelWidth: input.shape[2])
    try finish(try append(.maxPool(.init(window: window)), inputs: [input.value]))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func mean() throws(ImportError) {
    let input = try activation()
    let source = builder[input]
    try node.checkReducesPixels(of: source.extent)
    let output = try description(try node.output())
    let scale = try node.built { () throws(BuildError) in
      try builder.rescale(
        meanOf: source.height * source.width, from: source.grid, to: output.grid,
        within: output.grid.whole, division: .ofMultiplier)
    }
    try finish(.mean(.init(scale)), [input], extent: [1, 1, source.channels])
  }

  fileprivate mutating func maximum() throws(ImportError) {
    try requireOneGrid()
    let input = try activation()
    let source = builder[input]
    try node.checkReducesPixels(of: source.extent)
    let window = PaddedWindow(
      rows: WindowAxis(kernel: source.height), columns: WindowAxis(kernel: source.width))
    try finish(.maxPool(.init(window.integer)), [input], extent: [1, 1, source.channels])
  }
}
