import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let softmax = OperatorRoom(
    OnnxRow("Softmax", ["axis"], float: { try $0.softmax() }, quantized: { try $0.softmax() }),
    OnnxRow("LogSoftmax", ["axis"], float: { try $0.logSoftmax() }),
    TFLiteRow(
      .logSoftmax, float: { try $0.logSoftmax() }, integer: { try $0.logSoftmax() }),
    TFLiteRow(.softmax, float: { try $0.softmax() }, integer: { try $0.softmax() }))
}

extension OnnxConverter {
  fileprivate mutating func softmax() throws(ImportError) -> Binding {
    .activation(try shares(named: nil))
  }

  fileprivate mutating func logSoftmax() throws(ImportError) -> Binding {
    let shares = try shares(named: "softmax")
    return try append(.function(.log), inputs: [shares], at: placed(value: shares).place)
  }

  /// Before operator set 13 a softmax is over all axes from its own on.
  private mutating func shares(named suffix: String?) throws(ImportError) -> Int {
    let source = try placed()
    let declared = try node.integer("axis") ?? (operatorSet < 13 ? 1 : -1)
    let axis = try axis(declared, of: source)
    guard operatorSet < 13, axis < source.shape.count - 1 else {
      return try step(.softmax(axis: axis), [source.value], at: source.place, named: suffix)
    }
    try node.support(source.place == .first, "an input without the batch axis first")
    let flat = Array(source.shape[..<axis]) + [source.shape[axis...].reduce(1, *)]
    let vectors = try reshaped(source, to: flat, at: .first, named: "vectors")
    let result = try step(.softmax(axis: axis), [vectors], at: .first, named: "shares")
    return try reshaped(placed(value: result), to: source.shape, at: .first, named: suffix)
  }
}

extension QuantizedOnnxConverter {
  /// Changes no class: on a grid that no integer form has, it is understood at the network's end.
  fileprivate mutating func softmax() throws(ImportError) {
    guard let added = try delegate() else { return }
    let shape = float.graph.values[added.output].shape
    try node.support(shape.count == 1, "softmax of an activation of shape \(shape)")
    guard let source = try realTensor(added.inputs[0]) else {
      throw node.unsupported("on a value that is not quantized")
    }
    states[added.output] = .ranking(
      Ranking(source: source) { converter, target throws(ImportError) in
        let scale = Double(converter.builder[source].scale)
        guard target.grid == .shares, let kind = IntegerOperation.Kind.softmax(of: scale) else {
          return nil
        }
        return try converter.append(kind, [source], named: converter.node.name, to: target)
      })
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func softmax() throws(ImportError) {
    let beta = try node.float(TFLite.Options.Softmax.beta, default: 0)
    let shape = try node.tensor(0).shape
    guard isOnImages, beta == 1, shape.dropLast().allSatisfy({ $0 == 1 }) else {
      var input = try array()
      if beta != 1 { input = try made(.affine(factor: beta, offset: 0), [input], "/scaled") }
      return try finish(try made(.softmax(axis: input.shape.count - 1), [input], ""))
    }
    var value = try plainActivation().value
    if graph.values[value].shape.count == 3 {
      value = try reshaped(value, to: [graph.values[value].shape[0]], suffix: "/features")
    }
    try finish(try append(.softmax, inputs: [value]), order: .vector)
  }

  /// x − max − log Σ exp(x − max), over the last axis.
  fileprivate mutating func logSoftmax() throws(ImportError) {
    let input = try array()
    let axes = [input.shape.count - 1]
    let largest = try made(.reduce(.maximum, axes: axes), [input], "/largest")
    let moved = try made(.subtract, [input, largest], "/moved")
    let powers = try made(.function(.exp), [moved], "/powers")
    let sum = try made(.reduce(.sum, axes: axes), [powers], "/sum")
    let logarithm = try made(.function(.log), [sum], "/logarithm")
    try finish(try made(.subtract, [moved, logarithm], ""))
  }
}

extension TFLiteIntegerConverter {
  /// Of real numbers behind a DEQUANTIZE a softmax and its logarithm change no class: at the
  /// network's end they are left out, as in quantized ONNX files.
  private mutating func leavesOut() throws(ImportError) -> Bool {
    guard case .dequantized = bindings[try node.input(0)] else { return false }
    try node.support(
      try node.tensor(0).shape.dropLast().allSatisfy { $0 == 1 }, "of several rows of real numbers")
    bindings[try node.output()] = bindings[try node.input(0)]
    return true
  }

  fileprivate mutating func logSoftmax() throws(ImportError) {
    try node.support(
      try leavesOut(), "of integers; of real numbers at the network's end it is read")
  }

  fileprivate mutating func softmax() throws(ImportError) {
    let beta = try node.float(TFLite.Options.Softmax.beta, default: 0)
    if beta > 0, try leavesOut() { return }
    let input = try activation()
    let source = builder[input]
    if source.grid.isWide {
      // LiteRT multiplies the two in float32.
      let scale =
        builder.profile == .tflm
        ? Double(source.scale) * Double(beta) : Double(source.scale * beta)
      guard let kind = IntegerOperation.Kind.wideSoftmax(of: scale) else {
        throw node.error("beta \(beta) and scale \(source.scale) are too large")
      }
      return try finish(kind, [input], extent: source.extent)
    }
    guard let kind = IntegerOperation.Kind.softmax(of: Double(beta) * Double(source.scale)) else {
      throw node.error("beta \(beta) and scale \(source.scale) leave nothing to tell apart")
    }
    try finish(kind, [input], extent: source.extent)
  }
}

extension IntegerOperation.Kind {
  /// On 16 bits, where 65535 steps of the table of exponentials are 10. Nil where a difference of two
  /// inputs could leave 32 bits.
  fileprivate static func wideSoftmax(of scale: Double) -> Self? {
    guard let multiplier = Multiplier(scale / (10.0 / 65535)), multiplier.value >= 1 << 30,
      multiplier.shift <= 14
    else { return nil }
    return .softmax(.init(multiplier: multiplier.value, leftShift: multiplier.shift))
  }
}

extension Grid {
  /// Units of 1/256 from −128 on.
  static let shares = Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
}
