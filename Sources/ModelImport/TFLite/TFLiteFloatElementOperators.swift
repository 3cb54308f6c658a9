import FloatGraph
import TFLiteSchema

/// Operators that work element by element or only move values.
extension TFLiteFloatConverter {
  /// Two activations can be added. A constant for each channel, or one for all, can be added, taken
  /// away or multiplied by: that is a batch normalization with no statistics.
  mutating func arithmetic(_ node: TFLiteNode) throws(ImportError) {
    let bounds = try node.bounds(TFLite.Options.Arithmetic.activation)
    let isConstant = try (isConstant(node, 0), isConstant(node, 1))
    if isConstant == (false, false) {
      guard node.source.operation == .add else { throw node.unsupported("of two activations") }
      let (first, second) = (try activation(node, 0), try activation(node, 1))
      guard first.shape == second.shape, first.order == second.order else {
        throw node.unsupported("of activations of different shapes")
      }
      let value = try append(.add, node, inputs: [first.value, second.value])
      return try finish(node, value, order: first.order, bounds: bounds)
    }
    guard isConstant != (true, true), node.source.operation != .sub || isConstant.1 else {
      throw node.unsupported("from or of constants")
    }
    let input = try plainActivation(node, isConstant.0 ? 1 : 0)
    let channels = input.shape[0]
    let values = try constant(node, isConstant.0 ? 0 : 1, "a constant")
    guard
      values.values.count == 1 || (values.values.count == channels && values.shape.last == channels)
    else { throw node.unsupported("with a constant of shape \(values.shape)") }
    guard budget.claim(4 * channels, size: 4) else {
      throw node.error(TFLiteIntegerConverter.overdrawn)
    }
    let spread =
      values.values.count == 1
      ? Array(repeating: values.values[0], count: channels) : values.values
    let ones = [Float](repeating: 1, count: channels)
    let zeros = [Float](repeating: 0, count: channels)
    let isProduct = node.source.operation == .mul
    let normalization = FloatGraph.BatchNormalization(
      gamma: isProduct ? spread : ones,
      beta: isProduct ? zeros : node.source.operation == .sub ? spread.map { -$0 } : spread,
      mean: zeros, variance: ones, epsilon: 0)
    let value = try append(.batchNormalization(normalization), node, inputs: [input.value])
    try finish(node, value, order: input.order, bounds: bounds)
  }

  private func isConstant(_ node: TFLiteNode, _ position: Int) throws(ImportError) -> Bool {
    if case .value = bindings[try node.input(position)] { return false }
    return true
  }

  mutating func rectify(
    _ node: TFLiteNode, _ bounds: ClosedRange<Float>
  ) throws(ImportError) {
    let input = try activation(node)
    let value = try append(
      .clamp(low: bounds.lowerBound, high: bounds.upperBound), node, inputs: [input.value])
    try finish(node, value, order: input.order)
  }

  /// Only of constants: weights stored in fewer bits.
  mutating func dequantize(_ node: TFLiteNode) throws(ImportError) {
    guard try isConstant(node, 0) else { throw node.unsupported("of an activation") }
    bindings[try node.output()] = .stored(try node.input(0))
  }

  /// An image may be flattened; whatever else changes its shape must not change its order.
  mutating func reshape(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let index = try node.output()
    let (shape, order) = try self.shape(index)
    guard shape.reduce(1, *) == input.shape.reduce(1, *) else {
      throw node.error("\(input.shape) has not as many elements as \(shape)")
    }
    if shape == input.shape {
      bindings[index] = .value(input.value, input.order)
      return
    }
    var result = order
    switch (input.order, order) {
    case (.image, .vector):
      if !input.shape.isOrderless {
        result = .flattened(
          height: input.shape[1], width: input.shape[2], channels: input.shape[0])
      }
    case (.flattened(let height, let width, let channels), _):
      guard shape == [channels, height, width] else {
        throw node.unsupported("of a flattened image")
      }
    default:
      guard input.shape.isOrderless, shape.isOrderless else {
        throw node.unsupported("of an image to another one")
      }
    }
    let value = try append(.reshape, node, inputs: [input.value], shape: shape)
    bindings[index] = .value(value, result)
  }

  mutating func concatenate(_ node: TFLiteNode) throws(ImportError) {
    typealias Field = TFLite.Options.Concatenation
    let rank = model.tensors[try node.output()].shape.count
    guard
      let axis = TFLiteShape.axis(Int(try node.number(Field.axis, default: Int32(0))), rank: rank)
    else { throw node.error("an axis that its output has not") }
    guard axis >= 0 else { throw node.unsupported("along the batch axis") }
    var values: [Int] = []
    for position in node.inputs.indices {
      values.append(try plainActivation(node, position).value)
    }
    guard let first = values.first else { throw node.error("input 0 is missing") }
    let isImage = graph.values[first].shape.count == 3
    guard isImage || axis == 2 else { throw node.unsupported("along the batch axis") }
    let value = try append(
      .concatenate(axis: isImage ? [1, 2, 0][axis] : 0), node, inputs: values)
    try finish(node, value, order: .vector, bounds: try node.bounds(Field.activation))
  }

  mutating func pad(_ node: TFLiteNode) throws(ImportError) {
    let input = try plainActivation(node)
    let rank = try node.tensor(0).shape.count
    let amounts = try node.integers(1, "the padding")
    guard amounts.count == 2 * rank else {
      throw node.error("\(amounts.count) amounts of padding for \(rank) axes")
    }
    // Height, width, channels.
    var before = [0, 0, 0]
    var after = [0, 0, 0]
    for axis in 0..<rank {
      let place = axis - rank + 3
      if place >= 0 {
        (before[place], after[place]) = (amounts[2 * axis], amounts[2 * axis + 1])
      } else if amounts[2 * axis] != 0 || amounts[2 * axis + 1] != 0 {
        throw node.unsupported("of the batch axis")
      }
    }
    var value: Float = 0
    if node.source.operation == .padV2 {
      let constant = try constant(node, 2, "a padding value")
      guard constant.values.count == 1 else {
        throw node.error("\(constant.values.count) padding values")
      }
      value = constant.values[0]
    }
    let padding = FloatGraph.Pad(
      before: try ordered(node, before, like: input.shape, absent: 0),
      after: try ordered(node, after, like: input.shape, absent: 0), value: value)
    try finish(
      node, try append(.pad(padding), node, inputs: [input.value]), order: input.order)
  }

  mutating func slice(_ node: TFLiteNode) throws(ImportError) {
    let input = try plainActivation(node)
    var axes = try TFLiteSlice.axes(node).suffix(3).map { $0 }
    while axes.count < 3 { axes.insert(.init(start: 0, step: 1, count: 1), at: 0) }
    let slice = FloatGraph.Slice(
      start: try ordered(node, axes.map(\.start), like: input.shape, absent: 0),
      step: try ordered(node, axes.map(\.step), like: input.shape, absent: 1))
    let value = try append(
      .slice(slice), node, inputs: [input.value],
      shape: try ordered(node, axes.map(\.count), like: input.shape, absent: 1))
    try finish(node, value, order: input.order)
  }

  /// Height, width and channels as the graph's [C, H, W] or [F] has them; what a vector has no axis
  /// for must be `absent`.
  private func ordered(
    _ node: TFLiteNode, _ values: [Int], like shape: [Int], absent: Int
  ) throws(ImportError) -> [Int] {
    if shape.count == 3 { return [values[2], values[0], values[1]] }
    guard values[0] == absent, values[1] == absent else {
      throw node.unsupported("of axes that a vector has not")
    }
    return [values[2]]
  }
}
