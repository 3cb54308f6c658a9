import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Products of activations, and of an activation and a constant.
extension OperatorRoom {
  static let multiply = OperatorRoom(
    OnnxRow("Mul", float: { try $0.multiply() }, quantized: { try $0.multiply() }),
    OnnxRow(
      "QLinearMul", in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearJoin(ProgramBuilder.product) { .multiply(.init($0)) } }),
    TFLiteRow(
      .mul, float: { try $0.arithmetic(.multiply) },
      integer: { try $0.join(ProgramBuilder.product) { .multiply(.init($0)) } }))
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
    try join(ProgramBuilder.product) { .multiply(.init($0)) }
  }
}
