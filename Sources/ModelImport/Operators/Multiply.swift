import FloatGraph
import IntegerBuilder
import ModelWriter
import TFLiteSchema

/// Products of activations, and of an activation and a constant.
extension OperatorRoom {
  static let multiply = OperatorRoom(
    onnx: [
      OnnxRow("Mul", float: { try $0.multiply() }, quantized: { try $0.multiply() }),
      OnnxRow(
        "QLinearMul", in: .runtime, statesItsInputsGrid: true,
        quantized: { try $0.qLinearMultiply() }),
    ],
    tflite: [
      TFLiteRow(
        .mul, float: { try $0.arithmetic(.multiply) }, integer: { try $0.multiply() })
    ])
}

extension OnnxConverter {
  /// Of two activations of one shape, or of two constants.
  fileprivate mutating func multiply() throws(ImportError) -> Binding {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    guard case .activation(let left) = try binding(0), case .activation(let right) = try binding(1)
    else { return try arithmetic(.multiply) }
    let shapes = [graph.values[left].shape, graph.values[right].shape]
    try node.support(
      shapes[0] == shapes[1], "inputs of different shapes, \(shapes[0]) and \(shapes[1])")
    return try append(.multiply, inputs: [left, right])
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func multiply() throws(ImportError) {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    for index in 0..<2 where try isConstant(index) { return try adoptNothing() }
    let (left, shape) = try realInput(0)
    let (right, other) = try realInput(1)
    let product = try product((left, shape), (right, other))
    try bind(product, shape: shape)
  }

  fileprivate mutating func qLinearMultiply() throws(ImportError) {
    let (left, shape) = try integerInput(0)
    let (right, other) = try integerInput(3)
    let product = try product((left, shape), (right, other))
    try finish(product, shape: shape, scale: 6, zeroPoint: 7)
  }

  private func product(
    _ left: (tensor: Int, shape: [Int]), _ right: (tensor: Int, shape: [Int])
  ) throws(ImportError) -> PendingOperation {
    let inputs = try pair(left, right)
    return PendingOperation { converter, pending, target throws(ImportError) in
      let scale = try converter.node.built { () throws(BuildError) in
        try converter.builder.product(
          of: inputs, on: target.grid, within: pending.bounds(on: target.grid))
      }
      return try converter.append(.multiply(.init(scale)), inputs, named: pending.name, to: target)
    }
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func multiply() throws(ImportError) {
    let output = try description(try node.output())
    let inputs = try operands(like: output)
    let limits = output.limits(try node.bounds(TFLite.Options.Arithmetic.activation))
    let scale = try node.built { () throws(BuildError) in
      try builder.product(of: inputs, on: output.grid, within: limits)
    }
    try finish(.multiply(.init(scale)), inputs, extent: output.extent)
  }
}

extension ProgramBuilder {
  /// - Parameter inputs: two tensors.
  fileprivate func product(
    of inputs: [Int], on grid: Grid, within bounds: Bounds
  ) throws(BuildError) -> IntegerOperation.Rescale {
    let (first, second) = (self[inputs[0]].scale, self[inputs[1]].scale)
    // TensorFlow Lite Micro takes the ratio in double, the others in float32.
    let single = first * second / grid.scale
    let exact = Double(first) * Double(second) / Double(grid.scale)
    return try rescale(profile == .tflm ? exact : Double(single), single: single, within: bounds)
  }
}
