import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let softmax = OperatorRoom(
    OnnxRow("Softmax", ["axis"], float: { try $0.softmax() }, quantized: { try $0.softmax() }),
    TFLiteRow(.softmax, float: { try $0.softmax() }, integer: { try $0.softmax() }))
}

extension OnnxConverter {
  fileprivate mutating func softmax() throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    let axis = try node.integer("axis") ?? (operatorSet < 13 ? 1 : -1)
    guard shape.count == 1, axis == 1 || axis == -1 else {
      throw node.unsupported("softmax over axis \(axis) of an activation of shape \(shape)")
    }
    return try append(.softmax, inputs: [value])
  }
}

extension QuantizedOnnxConverter {
  /// Changes no class: on a grid that no integer form has, it is understood at the network's end.
  fileprivate mutating func softmax() throws(ImportError) {
    guard let added = try delegate() else { return }
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
    guard try node.float(TFLite.Options.Softmax.beta, default: 0) == 1 else {
      throw node.unsupported("beta other than 1")
    }
    var (value, shape, _) = try plainActivation()
    if shape.count == 3 {
      try node.support(shape[1] * shape[2] == 1, "over several pixels")
      value = try reshaped(value, to: [shape[0]], suffix: "/features")
      shape = [shape[0]]
    }
    try finish(try append(.softmax, inputs: [value]), order: .vector)
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func softmax() throws(ImportError) {
    let input = try activation()
    let beta = try node.float(TFLite.Options.Softmax.beta, default: 0)
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

  /// Nil where differences of one are too small to be told apart in Q5.26.
  fileprivate static func softmax(of scale: Double) -> Self? {
    guard scale * 0x1p26 > 1, let multiplier = Multiplier(toQ26: scale) else { return nil }
    return .softmax(.init(multiplier: multiplier.value, leftShift: multiplier.shift))
  }
}

extension Grid {
  /// Units of 1/256 from −128 on.
  static let shares = Grid(scale: 1 / 256, zeroPoint: -128, bits: 8)
}
