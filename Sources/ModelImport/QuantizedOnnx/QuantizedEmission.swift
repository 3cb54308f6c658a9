import FixedPoint
import FloatGraph
import IntegerBuilder
import ModelWriter

/// From operators whose output grid is known to operations of the program.
extension QuantizedOnnxConverter {
  // MARK: Tensors

  func grid(of tensor: Int) -> OnnxGrid {
    let description = program.tensors[tensor]
    return OnnxGrid(
      scale: description.scale, zeroPoint: description.zeroPoint, bits: description.bits)
  }

  /// A tensor for a value of [C, H, W] or [F].
  mutating func addTensor(
    _ name: String, shape: [Int], grid: OnnxGrid, node: ImportNode
  ) throws(ImportError) -> Int {
    guard shape.count == 1 || shape.count == 3, ShapeArithmetic.elementCount(shape) != nil else {
      throw node.unsupported("a value of shape \(shape)")
    }
    guard (grid.lowest...grid.highest).contains(grid.zeroPoint) else {
      throw node.error("a zero point outside its type")
    }
    let isImage = shape.count == 3
    program.tensors.append(
      IntegerTensor(
        name: printable(name, limit: 256), height: isImage ? shape[1] : 1,
        width: isImage ? shape[2] : 1, channels: shape[0], bits: grid.bits,
        zeroPoint: grid.zeroPoint, scale: grid.scale))
    return program.tensors.count - 1
  }

  /// A tensor keeps height, width and channels in another order than the file; under a flattened
  /// shape only linear layers can read it.
  func requireImage(_ tensor: Int, shape: [Int], _ node: ImportNode) throws(ImportError) {
    let held = program.tensors[tensor]
    let extents = shape.count == 3 ? [shape[1], shape[2], shape[0]] : [1, 1, shape[0]]
    guard shape.count == 1 || shape.count == 3, extents == [held.height, held.width, held.channels]
    else { throw node.unsupported("on a flattened image; only linear layers may read one") }
  }

  private mutating func append(
    _ name: String, _ kind: IntegerOperation.Kind, _ inputs: [Int], _ output: Int
  ) {
    program.operations.append(
      IntegerOperation(
        name: printable(name, limit: 256), kind: kind, inputs: inputs, output: output))
  }

  // MARK: Operations

  /// Computes an operator's result on a grid. Returns the tensor that holds it.
  mutating func emit(
    _ pending: PendingOperation, to grid: OnnxGrid, shape: [Int], name: String? = nil,
    _ node: ImportNode
  ) throws(ImportError) -> Int {
    let name = name ?? node.outputs.first ?? node.name
    switch pending.kind {
    case .same(let source):
      return try emitSame(source, pending, to: grid, name: name, node)
    case .weighted(let layer):
      return try emit(layer, pending, to: grid, shape: shape, name: name, node)
    case .add(let left, let right):
      let addition = try addition(pending, left, right, to: grid, node)
      let output = try addTensor(name, shape: shape, grid: grid, node: node)
      append(pending.name, .add(addition), [left, right], output)
      return output
    case .mean(let source):
      let from = program.tensors[source]
      let area = from.height * from.width
      let scale = try rescale(
        ratio: Double(from.scale) / (Double(grid.scale) * Double(area)),
        single: from.scale / (grid.scale * Float(area)), pending, to: grid, node)
      let output = try addTensor(name, shape: shape, grid: grid, node: node)
      append(pending.name, .mean(scale), [source], output)
      return output
    case .averagePool(let pooling, let source) where pooling.isUniform:
      return try emitUniformPool(pooling, source, pending, to: grid, shape: shape, name: name, node)
    case .averagePool(let pooling, let source):
      return try emitMove(
        .averagePool(.init(pooling.window)), [source], pending, to: grid, shape: shape, name: name,
        node)
    case .maxPool(let window, let source):
      return try emitMove(
        .maxPool(.init(window)), [source], pending, to: grid, shape: shape, name: name, node)
    case .slice(let slice, let source):
      let kind = IntegerOperation.Kind.slice(
        .init(
          start: Self.channelsLast(slice.start, absent: 0),
          step: Self.channelsLast(slice.step, absent: 1)))
      return try emitMove(kind, [source], pending, to: grid, shape: shape, name: name, node)
    case .pad(let padding, let source):
      let before = Self.channelsLast(padding.before, absent: 0)
      let kind = IntegerOperation.Kind.pad(
        .init(top: before[0], left: before[1], front: before[2]),
        value: Int8(self.grid(of: source).quantize(padding.value)))
      return try emitMove(kind, [source], pending, to: grid, shape: shape, name: name, node)
    case .concatenate(let axis, let sources):
      var parts: [Int] = []
      for source in sources {
        let move = PendingOperation(kind: .same(source), name: pending.name + "/requantize")
        let part = name + "/" + program.tensors[source].name
        parts.append(try emitSame(source, move, to: grid, name: part, node))
      }
      if parts.count == 1 { return try emitSame(parts[0], pending, to: grid, name: name, node) }
      let kind = IntegerOperation.Kind.concatenate(axis: shape.count == 3 ? [2, 0, 1][axis] : 2)
      return try emitMove(kind, parts, pending, to: grid, shape: shape, name: name, node)
    }
  }

  /// [C, H, W] to height, width, channels; [F] is channels alone.
  private static func channelsLast(_ axes: [Int], absent: Int) -> [Int] {
    axes.count == 3 ? [axes[1], axes[2], axes[0]] : [absent, absent, axes[0]]
  }

  /// A tensor itself, limited or brought to another grid where that is asked for.
  private mutating func emitSame(
    _ source: Int, _ pending: PendingOperation, to grid: OnnxGrid, name: String, _ node: ImportNode
  ) throws(ImportError) -> Int {
    let from = self.grid(of: source)
    let held = program.tensors[source]
    let bounds = bounds(pending, on: grid)
    let isUnlimited = bounds == (Int8(grid.lowest), Int8(grid.highest))
    if from == grid, isUnlimited { return source }
    let kind: IntegerOperation.Kind
    if from == grid {
      kind = .clamp(low: bounds.low, high: bounds.high)
    } else {
      var scale = try rescale(
        ratio: Double(from.scale) / Double(grid.scale), single: from.scale / grid.scale, pending,
        to: grid, node)
      if grid.bits < from.bits { scale.rounding = profile.narrowingMode }
      kind = .requantize(scale)
    }
    let shape = [held.channels, held.height, held.width]
    let output = try addTensor(name, shape: shape, grid: grid, node: node)
    append(pending.name, kind, [source], output)
    return output
  }

  /// An operation that only picks or places values, on its input's grid; then to the one asked for.
  private mutating func emitMove(
    _ kind: IntegerOperation.Kind, _ sources: [Int], _ pending: PendingOperation,
    to grid: OnnxGrid, shape: [Int], name: String, _ node: ImportNode
  ) throws(ImportError) -> Int {
    let from = self.grid(of: sources[0])
    let bounds = bounds(pending, on: grid)
    let isFinal = from == grid && bounds == (Int8(grid.lowest), Int8(grid.highest))
    let moved = try addTensor(
      isFinal ? name : name + "/moved", shape: shape, grid: from, node: node)
    append(pending.name, kind, sources, moved)
    if isFinal { return moved }
    var rest = pending
    rest.name += "/requantize"
    return try emitSame(moved, rest, to: grid, name: name, node)
  }

  /// An average over windows of as many elements each is a depthwise convolution by one, with the
  /// division in its scale: on any grid, rounded as everything else.
  private mutating func emitUniformPool(
    _ pooling: FloatGraph.AveragePool, _ source: Int, _ pending: PendingOperation,
    to grid: OnnxGrid, shape: [Int], name: String, _ node: ImportNode
  ) throws(ImportError) -> Int {
    let channels = program.tensors[source].channels
    let taps = pooling.window.kernelHeight * pooling.window.kernelWidth
    let count = taps.multipliedReportingOverflow(by: channels)
    guard !count.overflow, float.budget.claim(count.partialValue, size: 1) else {
      throw node.unsupported("a pooling window of \(taps) elements")
    }
    let (input, window) = try padded(source, pooling.window, pending.name, node)
    let weighted = try weighted(
      weights: [Int8](repeating: 1, count: count.partialValue), bits: 8,
      scales: [Float](repeating: 1 / Float(taps), count: channels),
      bias: [Int32](repeating: 0, count: channels), input: input, pending, to: grid, node)
    let output = try addTensor(name, shape: shape, grid: grid, node: node)
    append(pending.name, .depthwiseConvolution(window, weighted), [input], output)
    return output
  }

  /// An integer softmax, whose output counts units of 1/256 from −128 on; nil for another grid.
  mutating func emitSoftmax(
    _ source: Int, to grid: OnnxGrid, shape: [Int], _ node: ImportNode
  ) throws(ImportError) -> Int? {
    let ratio = min(Double(program.tensors[source].scale) * 0x1p26, 0x1p31 - 1)
    guard grid == OnnxGrid(scale: 1 / 256, zeroPoint: -128, bits: 8), ratio > 1,
      let multiplier = Multiplier(ratio / 2)
    else { return nil }
    let name = node.outputs.first ?? node.name
    let output = try addTensor(name, shape: shape, grid: grid, node: node)
    append(
      node.name, .softmax(.init(multiplier: multiplier.value, leftShift: multiplier.shift + 1)),
      [source], output)
    return output
  }

  // MARK: Weighted layers

  private mutating func emit(
    _ layer: QuantizedLayer, _ pending: PendingOperation, to grid: OnnxGrid, shape: [Int],
    name: String, _ node: ImportNode
  ) throws(ImportError) -> Int {
    let scales = layer.weights.scales(layer.outputChannels)
    let bias = try integerBias(layer, scales: scales, node)
    var input = layer.input
    let destination: (Int) -> Int
    let kind: (IntegerOperation.Weighted) -> IntegerOperation.Kind
    switch layer.form {
    case .convolution(let float, let groups):
      let taps = float.kernelHeight * float.kernelWidth
      let channels = program.tensors[input].channels
      let window: IntegerOperation.Window
      (input, window) = try padded(input, float, pending.name, node)
      if groups == channels, layer.outputChannels == channels {
        destination = { $0 % taps * channels + $0 / taps }
        kind = { .depthwiseConvolution(window, $0) }
      } else {
        let depth = channels / groups
        // [O][I][taps] to [O][taps][I].
        destination = { index in
          let (block, rest) = (index / (depth * taps), index % (depth * taps))
          return block * depth * taps + rest % taps * depth + rest / taps
        }
        kind = { .convolution(window, groups: groups, $0) }
      }
    case .linear(let isTransposed):
      // A flattened image was [C][H][W] to the file's layer and is [H][W][C] here.
      let held = program.tensors[input]
      let (channels, area) = (held.channels, held.height * held.width)
      let (inner, outputs) = (channels * area, layer.outputChannels)
      destination = { index in
        let (row, column) =
          isTransposed ? (index / inner, index % inner) : (index % outputs, index / outputs)
        return row * inner + column % area * channels + column / area
      }
      kind = { .fullyConnected($0) }
    }
    let (values, bits) = try layer.weights.ordered(
      node, budget: &float.budget, destination: destination)
    var weighted = try weighted(
      weights: values, bits: bits, scales: scales, bias: bias, input: input, pending, to: grid, node
    )
    if case .linear = layer.form { weighted.rounding = profile.mode(isFullyConnected: true) }
    let output = try addTensor(name, shape: shape, grid: grid, node: node)
    append(pending.name, kind(weighted), [input], output)
    return output
  }

  private func weighted(
    weights: [Int8], bits: Int, scales: [Float], bias: [Int32], input: Int,
    _ pending: PendingOperation, to grid: OnnxGrid, _ node: ImportNode
  ) throws(ImportError) -> IntegerOperation.Weighted {
    let from = self.grid(of: input).scale
    var channels: [IntegerOperation.ChannelScale] = []
    for scale in scales {
      let multiplier = try multiplier(Double(from) * Double(scale) / Double(grid.scale), node)
      channels.append(
        IntegerOperation.ChannelScale(
          weightScale: scale, multiplier: multiplier.value, shift: multiplier.shift))
    }
    let bounds = bounds(pending, on: grid)
    return IntegerOperation.Weighted(
      bits: bits, weights: weights, bias: bias, scales: channels,
      rounding: profile.mode(isFullyConnected: false), low: bounds.low, high: bounds.high)
  }

  private func integerBias(
    _ layer: QuantizedLayer, scales: [Float], _ node: ImportNode
  ) throws(ImportError) -> [Int32] {
    let input = Double(grid(of: layer.input).scale)
    let integers: [Int]
    switch layer.bias {
    case .none: return [Int32](repeating: 0, count: layer.outputChannels)
    case .integers(let list): integers = list
    case .floats(let list):
      integers = zip(list, scales).map { value, scale in
        let exact = (Double(value) / (input * Double(scale))).rounded(.toNearestOrEven)
        return Int(min(max(exact, -0x1p40), 0x1p40))
      }
    }
    var bias: [Int32] = []
    for integer in integers {
      guard let value = Int32(exactly: integer) else {
        throw node.unsupported("a bias beyond int32 on the accumulator's grid")
      }
      bias.append(value)
    }
    return bias
  }

  /// A window's input, with padding of its own where the window has more than its kernel reaches.
  private mutating func padded(
    _ source: Int, _ float: FloatGraph.Window, _ name: String, _ node: ImportNode
  ) throws(ImportError) -> (source: Int, window: IntegerOperation.Window) {
    var window = IntegerOperation.Window(float)
    guard
      max(float.padTop, float.padBottom) >= float.extentHeight
        || max(float.padLeft, float.padRight) >= float.extentWidth
    else { return (source, window) }
    let held = program.tensors[source]
    let shape = [
      held.channels, held.height + float.padTop + float.padBottom,
      held.width + float.padLeft + float.padRight,
    ]
    let output = try addTensor(
      held.name + "/padded", shape: shape, grid: grid(of: source), node: node)
    append(
      name + "/pad",
      .pad(.init(top: float.padTop, left: float.padLeft, front: 0), value: Int8(held.zeroPoint)),
      [source], output)
    (window.padTop, window.padLeft) = (0, 0)
    return (output, window)
  }

  // MARK: Scales

  private func bounds(_ pending: PendingOperation, on grid: OnnxGrid) -> (low: Int8, high: Int8) {
    (Int8(grid.quantize(pending.low)), Int8(grid.quantize(pending.high)))
  }

  private func multiplier(_ ratio: Double, _ node: ImportNode) throws(ImportError) -> Multiplier {
    guard let multiplier = Multiplier(ratio) else {
      throw node.unsupported("a ratio of scales of \(ratio)")
    }
    return multiplier
  }

  private func rescale(
    ratio: Double, single: Float, _ pending: PendingOperation, to grid: OnnxGrid,
    _ node: ImportNode
  ) throws(ImportError) -> IntegerOperation.Rescale {
    let multiplier = try multiplier(ratio, node)
    let bounds = bounds(pending, on: grid)
    return IntegerOperation.Rescale(
      ratio: single, multiplier: multiplier.value, shift: multiplier.shift,
      rounding: profile.mode(isFullyConnected: false), low: bounds.low, high: bounds.high)
  }

  /// Both inputs at twice the larger scale, 20 bits up.
  private func addition(
    _ pending: PendingOperation, _ left: Int, _ right: Int, to grid: OnnxGrid, _ node: ImportNode
  ) throws(ImportError) -> IntegerOperation.Add {
    let scales = [left, right].map { Double(program.tensors[$0].scale) }
    let common = 2 * max(scales[0], scales[1])
    let first = try multiplier(scales[0] / common, node)
    let second = try multiplier(scales[1] / common, node)
    let last = try multiplier(common / (0x1p20 * Double(grid.scale)), node)
    guard last.shift <= 0 else {
      throw node.unsupported("an addition whose inputs' scales are 2^19 times its output's")
    }
    let bounds = bounds(pending, on: grid)
    return IntegerOperation.Add(
      multipliers: [first.value, second.value], shifts: [first.shift, second.shift],
      outputMultiplier: last.value, outputShift: last.shift, low: bounds.low, high: bounds.high)
  }
}

extension FloatGraph.AveragePool {
  /// Whether every window has the same number of elements that count.
  fileprivate var isUniform: Bool {
    countsPadding || window.padTop + window.padLeft + window.padBottom + window.padRight == 0
  }
}

extension IntegerOperation.Window {
  fileprivate init(_ window: FloatGraph.Window) {
    self.init(
      kernelHeight: window.kernelHeight, kernelWidth: window.kernelWidth,
      strideHeight: window.strideHeight, strideWidth: window.strideWidth,
      dilationHeight: window.dilationHeight, dilationWidth: window.dilationWidth,
      padTop: window.padTop, padLeft: window.padLeft)
  }
}
