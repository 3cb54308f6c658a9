import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter

/// Arithmetic of constants on an activation, step by step, as the file has it.
struct PendingArithmetic {
  /// The tensor that is read; nil for the network's float input.
  let source: Int?
  var steps: [AffineStep]
  /// All steps in one.
  var map: AffineMap

  /// Whether every channel is treated alike.
  var isUniform: Bool { steps.allSatisfy { $0.values.count == 1 } }

  /// In float32, a step after another.
  func value(of real: Float) -> Float { steps.reduce(real) { $1.apply($0) } }
}

extension QuantizedOnnxConverter {
  /// An operation of an activation and a constant.
  ///
  /// - Parameter index: of the constant among the inputs.
  mutating func apply(_ operation: Arithmetic, constant index: Int) throws(ImportError) {
    let (state, shape) = try activation(1 - index)
    let (values, dimensions) = try realConstant(index, atMost: shape[0])
    let step = AffineStep(operation, by: values, isFirst: index == 0)
    guard let map = try node.map(step, dimensions: dimensions, shape: shape)
    else {
      throw node.unsupported(
        "with a constant of shape \(dimensions) where an activation of \(shape) takes one "
          + "number, or one a channel; or a constant over an activation")
    }
    switch state {
    case .pending(let pending)
    where pending.isUnbounded && pending.openLayer != nil && pending.shape == shape:
      guard var layer = pending.openLayer else { return }
      try layer.apply(map, inputScale: builder[layer.input].scale, node)
      try bind(layer.pending(), shape: shape, named: pending.name)
    case .pending(let pending)
    where pending.isUnbounded && pending.arithmetic != nil && pending.shape == shape:
      guard var chain = pending.arithmetic else { return }
      chain.steps.append(step)
      chain.map = map.after(chain.map)
      try bind(PendingOperation.arithmetic(chain), shape: shape)
    case .real(let tensor):
      let source = try image(tensor, shape: shape)
      let chain = PendingArithmetic(source: source, steps: [step], map: map)
      try bind(PendingOperation.arithmetic(chain), shape: shape)
    case .floatInput:
      let chain = PendingArithmetic(source: nil, steps: [step], map: map)
      try bind(PendingOperation.arithmetic(chain), shape: shape)
    default: throw node.unsupported("a constant with a value that is not quantized")
    }
  }

  /// A constant's real numbers and its shape.
  private mutating func realConstant(
    _ index: Int, atMost count: Int
  ) throws(ImportError) -> (values: [Float], dimensions: [Int]) {
    guard let constant = weights[node.inputs[index]] else {
      guard let floats = try float.weights(index) else { throw node.error("has no constant") }
      return (floats.values, floats.shape)
    }
    guard let values = constant.reals(atMost: count) else {
      throw node.unsupported("with a constant of shape \(constant.dimensions)")
    }
    return (values, constant.dimensions)
  }
}

extension QuantizedLayer {
  /// What is done to the layer's results becomes part of its scales and its bias.
  fileprivate mutating func apply(
    _ map: AffineMap, inputScale: Float, _ node: ImportNode
  ) throws(ImportError) {
    let channels = 0..<outputChannels
    let before = scales
    try node.support(channels.allSatisfy { map.factor($0) != 0 }, "a product with zero")
    factors = channels.map { Float(map.factor($0)) * (factors?[$0] ?? 1) }
    guard !channels.allSatisfy({ map.offset($0) == 0 }) || !bias.isInteger else { return }
    bias = .reals(
      channels.map { channel in
        let own: Double =
          switch bias {
          case .none: 0
          case .integers(let list):
            Double(list[channel]) * Double(inputScale) * Double(before[channel])
          case .reals(let list): list[channel]
          }
        return own * map.factor(channel) + map.offset(channel)
      })
  }
}

extension PendingOperation {
  /// A table where all channels are treated alike, else a depthwise convolution by one pixel.
  static func arithmetic(_ chain: PendingArithmetic) -> PendingOperation {
    var result = PendingOperation { converter, pending, target throws(ImportError) in
      guard let source = chain.source else {
        return try converter.emitInput(chain, pending, to: target)
      }
      return try converter.emit(chain, of: source, pending, to: target)
    }
    result.arithmetic = chain
    return result
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func emit(
    _ chain: PendingArithmetic, of source: Int, _ pending: PendingOperation, to target: Target
  ) throws(ImportError) -> Int {
    let from = builder[source].grid
    let bounds = pending.bounds(on: target.grid)
    if chain.isUniform {
      try node.support(from.bits == 8 && target.grid.bits == 8, "a table of values of 4 bits")
      let table = (-128...127).map { value in
        let result = target.grid.quantize(chain.value(of: from.dequantize(value)))
        return Int8(min(max(Int16(result), bounds.low), bounds.high))
      }
      return try append(.lookup(.init(table: table)), [source], named: pending.name, to: target)
    }
    let channels = builder[source].channels
    let weight = Self.weight(of: chain.map, channels: channels, scale: Double(from.scale))
    var biases: [Int32] = []
    var scales: [Float] = []
    for channel in 0..<channels {
      let scale = chain.map.factor(channel) / Double(weight)
      let bias = (chain.map.offset(channel) / (scale * Double(from.scale))).rounded()
      guard scale != 0, abs(bias) < 0x1p30 else {
        throw node.unsupported("a product with zero, or an offset beyond int32")
      }
      scales.append(Float(scale))
      biases.append(Int32(bias))
    }
    let weighted = try node.built { () throws(BuildError) in
      try builder.weighted(
        [Int8](repeating: weight, count: channels), bits: 8, bias: biases, scales: scales,
        from: source, to: target.grid, within: bounds)
    }
    let window = PaddedWindow(rows: WindowAxis(kernel: 1), columns: WindowAxis(kernel: 1)).integer
    return try append(
      .depthwiseConvolution(.init(window, weighted)), [source], named: pending.name, to: target)
  }

  /// What stands for one, in so many parts: a power of two where that gives every offset exactly,
  /// since it leaves products as they are, else as many as there can be.
  private static func weight(of map: AffineMap, channels: Int, scale: Double) -> Int8 {
    let isExact = (0..<channels).allSatisfy { channel in
      let offset = map.offset(channel) / (map.factor(channel) / 64 * scale)
      return abs(offset - offset.rounded()) < 1e-4
    }
    return isExact ? 64 : 127
  }

  // MARK: Preprocessing

  /// The network's input, where arithmetic comes before the first QuantizeLinear: on that node's own
  /// grid where all that was done is a product, else on the grid of the pixels that are normalized.
  fileprivate mutating func emitInput(
    _ chain: PendingArithmetic, _ pending: PendingOperation, to target: Target
  ) throws(ImportError) -> Int {
    try node.support(target.grid.bits == 8, "a network's input of 4 bits")
    let isProduct = chain.isUniform && chain.map.offset(0) == 0 && chain.map.factor(0) > 0
    var grid = target.grid
    if isProduct {
      grid.scale = Float(Double(grid.scale) / chain.map.factor(0))
    } else {
      grid = try pixelGrid(chain.map, channels: target.shape[0], target.grid)
    }
    let source = try quantizeInput(shape: target.shape, grid: grid)
    guard isProduct else { return try emit(chain, of: source, pending, to: target) }
    let name = Self.bounded(target.name)
    let own = builder.relabelled(source, as: target.grid, named: name)
    return try bring(own, pending, to: target)
  }

  /// The grid of an input that is first normalized: 0 to 255 or 0 to 1 in 256 steps where the values
  /// that the normalization maps to the target's grid end about there, else all of them.
  private func pixelGrid(
    _ map: AffineMap, channels: Int, _ target: Grid
  ) throws(ImportError) -> Grid {
    var (low, high) = (Double.infinity, -Double.infinity)
    for channel in 0..<channels {
      for end in [target.lowest, target.highest] {
        let real = Double(target.dequantize(end)) - map.offset(channel)
        let value = real / map.factor(channel)
        (low, high) = (min(low, value), max(high, value))
      }
    }
    guard low.isFinite, high.isFinite, low < high else {
      throw node.unsupported("a product with zero before the first QuantizeLinear")
    }
    for unit in [1, Float(1) / 255] {
      let most = 255 * Double(unit)
      if (0.7...1.6).contains(high / most), low > -most {
        return Grid(scale: unit, zeroPoint: -128, bits: 8)
      }
    }
    return Grid(low: Float(low), high: Float(high), bits: 8)
  }
}
