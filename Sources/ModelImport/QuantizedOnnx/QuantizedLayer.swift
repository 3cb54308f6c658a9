import CupelIntegerBuilder
import CupelModelWriter

/// A layer with integer weights, on its way to a grid.
struct QuantizedLayer {
  enum Bias {
    case none
    /// On the accumulator's grid.
    case integers([Int])
    /// Real numbers, still to be brought there.
    case reals([Double])

    var isInteger: Bool {
      switch self {
      case .none, .integers: true
      case .reals: false
      }
    }
  }

  /// What the layer is in the program.
  struct Form {
    /// The tensor that is read: the layer's input, or what stands between.
    var input: Int
    var kind: (IntegerOperation.Weighted) -> IntegerOperation.Kind
    /// Where each of the file's weights goes.
    var place: (Int) -> Int
    var isFullyConnected = false
  }

  typealias Forming =
    (inout QuantizedOnnxConverter, QuantizedLayer, _ name: String) throws(ImportError) -> Form

  /// Tensor of the program.
  var input: Int
  var weights: OnnxWeights
  var outputChannels: Int
  var bias = Bias.none
  /// What its results are multiplied by, one for each channel; nil for nothing.
  var factors: [Float]?
  let form: Forming

  /// Before it has a bias.
  mutating func multiply(by factor: Float) {
    if factor != 1 { factors = [Float](repeating: factor, count: outputChannels) }
  }

  /// Of the weights, one for each channel, with the factors in them.
  var scales: [Float] {
    let own = weights.scales(outputChannels)
    return factors.map { zip(own, $0).map { $0 * $1 } } ?? own
  }

  /// The layer as it is; a bias may still be added to it.
  func pending() -> PendingOperation {
    var result = PendingOperation { converter, pending, target throws(ImportError) in
      try converter.emit(self, pending, to: target)
    }
    result.openLayer = self
    return result
  }
}

extension QuantizedOnnxConverter {
  /// - Parameter axis: that of the output channels in the file's weights.
  func checkScales(_ weights: OnnxWeights, channels: Int, axis: Int) throws(ImportError) {
    let quantization = weights.quantization
    guard quantization.isPerTensor || quantization.axis == axis else {
      throw node.unsupported("weight scales along another axis than the output channels")
    }
    guard quantization.isPerTensor || quantization.scales.count == channels else {
      throw node.error("\(quantization.scales.count) weight scales for \(channels) channels")
    }
  }

  fileprivate mutating func emit(
    _ layer: QuantizedLayer, _ pending: PendingOperation, to target: Target
  ) throws(ImportError) -> Int {
    let scales = layer.scales
    let bias = try integerBias(layer, scales: scales)
    let form = try layer.form(&self, layer, pending.name)
    let own = try layer.weights.ordered(node, budget: &float.budget, place: form.place)
    let weighted = try node.built { () throws(BuildError) in
      try builder.weighted(
        own.values.first, bits: own.bits, bias: bias, scales: scales, from: form.input,
        to: target.grid, within: pending.bounds(on: target.grid),
        isFullyConnected: form.isFullyConnected)
    }
    let layer = builder.layer(
      form.kind(weighted), own.values, from: form.input, named: pending.name + "/repeated")
    return try append(layer.kind, [layer.input], named: pending.name, to: target)
  }

  private func integerBias(
    _ layer: QuantizedLayer, scales: [Float]
  ) throws(ImportError) -> [Int32] {
    let input = Double(builder[layer.input].scale)
    let integers: [Int]
    switch layer.bias {
    case .none: return [Int32](repeating: 0, count: layer.outputChannels)
    case .integers(let list): integers = list
    case .reals(let list):
      integers = zip(list, scales).map { value, scale in
        let exact = (value / (input * Double(scale))).rounded(.toNearestOrEven)
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

  // MARK: Reading

  func constantWeights(_ index: Int) throws(ImportError) -> OnnxWeights {
    guard node.hasInput(index), let found = weights[node.inputs[index]] else {
      throw node.unsupported("weights that are not quantized constants")
    }
    return found
  }

  /// Weights whose scale and zero point follow them.
  mutating func integerWeights(_ index: Int, axis: Int) throws(ImportError) -> OnnxWeights {
    try node.require(node.hasInput(index), "input \(index) is missing")
    let clip = clipped[node.inputs[index]]
    let name = clip?.name ?? node.inputs[index]
    guard let tensor = float.tensor(name) else {
      throw node.unsupported("weights that are not constant")
    }
    let integers = try OnnxIntegerTensor(tensor, name: name)
    let parameters = try float.quantization(
      scale: index + 1, zeroPoint: index + 2, type: integers.type, axis: axis)
    return try OnnxWeights(integers, parameters, within: clip?.limits, node: node)
  }

  /// A bias: int32 at the product of the input's and the weights' scales, or real numbers. None
  /// where the input is left out.
  ///
  /// - Parameter factor: what it is multiplied by.
  mutating func bias(
    _ index: Int, layer: QuantizedLayer, times factor: Float = 1
  ) throws(ImportError) -> QuantizedLayer.Bias {
    guard node.hasInput(index), factor != 0 else { return .none }
    let channels = layer.outputChannels
    guard let constant = weights[node.inputs[index]] else {
      guard let floats = try float.weights(index) else { return .none }
      return .reals(
        try fitted(floats.values, floats.shape, to: channels).map { Double(factor) * Double($0) })
    }
    let own = Double(factor)
    if let integers = try constant.wholeNumbers(budget: &float.budget) {
      try node.support(
        constant.quantization.zeroPoints.allSatisfy({ $0 == 0 }),
        "an int32 bias with a zero point, which ONNX Runtime refuses too")
      let values = try fitted(integers, constant.dimensions, to: channels)
      let scales = constant.scales(channels)
      let input = builder[layer.input].scale
      let expected = layer.scales.map { $0 * input }
      if zip(scales, expected).allSatisfy({ abs(factor * $0 - $1) <= 1e-5 * abs($1) }) {
        return .integers(values)
      }
      return .reals(zip(values, scales).map { own * Double($0) * Double($1) })
    }
    guard let reals = constant.reals(atMost: channels) else {
      throw node.error("a bias of shape \(constant.dimensions) does not fit \(channels) channels")
    }
    return .reals(try fitted(reals, constant.dimensions, to: channels).map { own * Double($0) })
  }

  /// A stored integer; nil where the input is left out.
  mutating func integerScalar(_ index: Int) throws(ImportError) -> Int? {
    guard node.hasInput(index) else { return nil }
    let name = node.inputs[index]
    guard let tensor = float.tensor(name) else {
      throw node.unsupported("input \(index) is not a constant")
    }
    let values = try OnnxIntegerTensor(tensor, name: name).values(&float.budget)
    guard let value = values.first, values.count == 1 else {
      throw node.error("input \(index) is not a single number")
    }
    return value
  }

  /// A bias of int32 as an input of its own. None where it is left out.
  mutating func integerBias(
    _ index: Int, _ channels: Int
  ) throws(ImportError) -> QuantizedLayer.Bias {
    guard node.hasInput(index) else { return .none }
    guard let constant = try float.constant(index), case .integers(let list) = constant.elements
    else { throw node.unsupported("a bias that is not a constant of int32") }
    let values = try list.known(or: node.unsupported("a bias that is not constant"))
    return .integers(try fitted(values, constant.dimensions, to: channels))
  }

  /// One value a channel, of which a single one serves all.
  private func fitted<Value>(
    _ values: [Value], _ shape: [Int], to channels: Int
  ) throws(ImportError) -> [Value] {
    if values.count == 1, channels != 1 {
      return [Value](repeating: values[0], count: channels)
    }
    guard values.count == channels, shape.allSatisfy({ $0 == 1 || $0 == channels }) else {
      throw node.error("a bias of shape \(shape) does not fit \(channels) channels")
    }
    return values
  }
}
