import FixedPoint
import Foundation
import IntegerBuilder
import ModelWriter
import TFLiteSchema

/// Operators that work element by element, or on the channels of a pixel.
extension TFLiteIntegerConverter {
  mutating func addition(_ node: TFLiteNode, isSubtraction: Bool) throws(ImportError) {
    let output = try description(try node.output())
    let inputs = try operands(node, like: output)
    let grids = inputs.map { program.tensors[$0] }
    let common = 2 * Double(max(grids[0].scale, grids[1].scale))
    guard
      let first = Multiplier(Double(grids[0].scale) / common),
      let second = Multiplier(Double(grids[1].scale) / common),
      let last = Multiplier(common / (0x1p20 * Double(output.scale))), last.shift <= 0
    else { throw node.error("the output's scale is too small for the inputs'") }
    let limits = output.limits(try node.bounds(TFLite.Options.Arithmetic.activation))
    let scales = IntegerOperation.Add(
      multipliers: [first.value, second.value], shifts: [first.shift, second.shift],
      outputMultiplier: last.value, outputShift: last.shift, low: limits.low, high: limits.high)
    try finish(
      node, isSubtraction ? .subtract(scales) : .add(scales), inputs, extent: output.extent)
  }

  mutating func multiplication(_ node: TFLiteNode) throws(ImportError) {
    let output = try description(try node.output())
    let inputs = try operands(node, like: output)
    let (first, second) = (program.tensors[inputs[0]].scale, program.tensors[inputs[1]].scale)
    // TensorFlow Lite Micro takes the ratio in double, LiteRT in float32.
    let ratio = first * second / output.scale
    let exact = Double(first) * Double(second) / Double(output.scale)
    let scale = try rescale(
      node, ratio: profile == .tflm ? exact : Double(ratio), single: ratio, output: output,
      bounds: try node.bounds(TFLite.Options.Arithmetic.activation))
    try finish(node, .multiply(scale), inputs, extent: output.extent)
  }

  mutating func softmax(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let beta = try node.float(TFLite.Options.Softmax.beta, default: 0)
    let source = program.tensors[input]
    let ratio = min(Double(beta) * Double(source.scale) * 0x1p26, 0x1p31 - 1)
    // At most 2³¹ − 1, so the shift is at most 31, one more than other ratios may have.
    guard ratio > 1, let multiplier = Multiplier(ratio / 2) else {
      throw node.error("beta \(beta) and scale \(source.scale) leave nothing to tell apart")
    }
    let softmax = IntegerOperation.Softmax(
      multiplier: multiplier.value, leftShift: multiplier.shift + 1)
    try finish(node, .softmax(softmax), [input], extent: source.extent)
  }

  /// A table: LiteRT's is made in float32, TensorFlow Lite Micro's in fixed point.
  mutating func logistic(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    let output = try description(try node.output())
    guard output.zeroPoint == -128, output.scale == 1 / 256 else {
      throw node.error("its output needs a zero point of -128 and a scale of 1/256")
    }
    let table =
      profile == .tflm
      ? ActivationTables.fixedPoint(source, bits: 8, zeroPoint: -128, FixedPoint.logistic)
      : ActivationTables.single(source, output) { 1 / (1 + exp(-$0)) }
    try finish(node, .lookup(table: table), [input], extent: source.extent)
  }

  /// As LOGISTIC, from −1 to 1.
  mutating func hyperbolicTangent(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    let output = try description(try node.output())
    guard output.zeroPoint == 0, output.scale == 1 / 128 else {
      throw node.error("its output needs a zero point of 0 and a scale of 1/128")
    }
    let table =
      profile == .tflm
      ? ActivationTables.fixedPoint(
        source, bits: 7, zeroPoint: 0, FixedPoint.hyperbolicTangent)
      : ActivationTables.single(source, output) { tanh($0) }
    try finish(node, .lookup(table: table), [input], extent: source.extent)
  }

  mutating func leakyRelu(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    let alpha = try node.float(TFLite.Options.LeakyRelu.alpha, default: 0)
    guard
      let table = ActivationTables.leakyRelu(
        source, try description(try node.output()), alpha: alpha)
    else { throw node.error("the scales have a ratio that is too large") }
    try finish(node, .lookup(table: table), [input], extent: source.extent)
  }

  mutating func hardSwish(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    guard let function = HardSwish(source, try description(try node.output())) else {
      throw node.error("the output's scale is too small for the input's")
    }
    try finish(node, .lookup(table: function.table), [input], extent: source.extent)
  }

  /// RELU and its kin as operators of their own.
  mutating func rectify(
    _ node: TFLiteNode, _ bounds: ClosedRange<Float>
  ) throws(ImportError) {
    let input = try activation(node)
    let source = program.tensors[input]
    let output = try description(try node.output())
    let limits = source.limits(bounds)
    let clamp = IntegerOperation.Kind.clamp(low: limits.low, high: limits.high)
    if source.hasGrid(of: output) {
      return try finish(node, clamp, [input], extent: source.extent)
    }
    // TensorFlow Lite Micro's RELU6 clamps on its input's grid and leaves it at that.
    if profile == .tflm, bounds.upperBound.isFinite {
      var clamped = source
      clamped.name = Self.derived(output.name, "/clamped")
      let inner = add(clamped)
      append(clamped.name, clamp, [input], inner)
      return try finish(
        node, .lookup(table: (-128...127).map { Int8($0) }), [inner], extent: source.extent)
    }
    let ratio = source.scale / output.scale
    let scale = try rescale(
      node, ratio: Double(ratio), single: ratio, output: output, bounds: bounds)
    try finish(node, .requantize(scale), [input], extent: source.extent)
  }

  /// At the edge of a float model the program begins with what a QUANTIZE gives; elsewhere it is a
  /// change of grid.
  mutating func quantize(_ node: TFLiteNode) throws(ImportError) {
    let index = try node.output()
    if case .floatInput = bindings[try node.input(0)] {
      guard try node.tensor(0).shape == model.tensors[index].shape else {
        throw node.error("its input and its output have different shapes")
      }
      if let input = try existingInput(like: index) {
        bind(index, to: input)
      } else if inputExists {
        throw node.unsupported("a second grid for the model's float input")
      } else {
        bind(index, to: try addInput(index))
      }
      return
    }
    let input = try activation(node)
    let source = program.tensors[input]
    let output = try description(index)
    if source.hasGrid(of: output), source.extent == output.extent {
      bind(index, to: input)
      return
    }
    let scale = try rescale(
      node, ratio: Double(source.scale) / Double(output.scale),
      single: source.scale / output.scale, output: output, bounds: -.infinity ... .infinity)
    try finish(node, .requantize(scale), [input], extent: source.extent)
  }

  mutating func dequantize(_ node: TFLiteNode) throws(ImportError) {
    bind(try node.output(), toRealNumbersOf: try activation(node))
  }
}

// MARK: - Parts

extension TFLiteIntegerConverter {
  /// Two inputs, repeated where the output is larger.
  private mutating func operands(
    _ node: TFLiteNode, like output: IntegerTensor
  ) throws(ImportError) -> [Int] {
    var inputs: [Int] = []
    for position in 0..<2 {
      let input = try activation(node, position)
      let source = program.tensors[input]
      guard source.extent != output.extent else {
        inputs.append(input)
        continue
      }
      for (own, wanted) in zip(source.extent, output.extent) where own != wanted && own != 1 {
        throw node.error("\(source.extent) cannot be repeated to \(output.extent)")
      }
      var copy = source
      copy.extent = output.extent
      copy.name = Self.derived(copy.name, "/repeated")
      let repeated = add(copy)
      append(copy.name, .broadcast, [input], repeated)
      inputs.append(repeated)
    }
    return inputs
  }

  func rescale(
    _ node: TFLiteNode, ratio: Double, single: Float, output: IntegerTensor,
    bounds: ClosedRange<Float>
  ) throws(ImportError) -> IntegerOperation.Rescale {
    guard let multiplier = Multiplier(ratio) else {
      throw node.error("the scales have a ratio that is too large")
    }
    let limits = output.limits(bounds)
    return .init(
      ratio: single, multiplier: multiplier.value, shift: multiplier.shift,
      rounding: profile.mode(isFullyConnected: false), low: limits.low, high: limits.high)
  }
}
