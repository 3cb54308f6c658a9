import CupelFloatGraph
import CupelIntegerBuilder
import CupelTFLiteSchema

/// Sums of activations, and biases that stand apart from their layer.
extension OperatorRoom {
  static let add = OperatorRoom(
    OnnxRow("Add", float: { try $0.add() }, quantized: { try $0.add() }),
    OnnxRow(
      "QLinearAdd", in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearJoin(ProgramBuilder.sum) { .add(.init($0)) } }),
    TFLiteRow(
      .add, float: { try $0.arithmetic(.add) },
      integer: { try $0.join(ProgramBuilder.sum, rule: .sumRule) { .add(.init($0)) } }))
}

extension OnnxConverter {
  /// Sum of two activations, of two constants, or a bias of the convolution or linear layer before.
  fileprivate mutating func add() throws(ImportError) -> Binding {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    switch (try binding(0), try binding(1)) {
    case (.activation(let left), .activation(let right)):
      return try append(.add, inputs: [left, right])
    case (.activation(let value), .constant(let constant)):
      return try addBias(value: value, constant, index: 1)
    case (.constant(let constant), .activation(let value)):
      return try addBias(value: value, constant, index: 0)
    default: return try arithmetic(.add)
    }
  }

  private mutating func addBias(
    value: Int, _ constant: OnnxConstant, index: Int
  ) throws(ImportError) -> Binding {
    let shape = graph.values[value].shape
    guard hasOneReader(value), let producer = producer(of: value),
      var layer = graph.nodes[producer].operation.weighted, let values = try weights(index)?.values,
      Self.isPerChannel(constant.dimensions, shape: shape)
    else {
      throw node.unsupported("a constant added to anything but the layer that it is the bias of")
    }
    layer.bias = try summed(layer.bias, values, count: shape[0])
    graph.nodes[producer].operation = FloatGraph.Operation(layer)
    return .activation(value)
  }

  /// Whether a constant broadcasts as one number per channel of an activation.
  private static func isPerChannel(_ dimensions: [Int], shape: [Int]) -> Bool {
    let channels = dimensions.reversed().dropFirst(shape.count - 1)
    let after = dimensions.suffix(shape.count - 1)
    guard after.allSatisfy({ $0 == 1 }), dimensions.count <= shape.count + 1 else { return false }
    guard let count = channels.first else { return true }
    return (count == shape[0] || count == 1) && channels.dropFirst().allSatisfy { $0 == 1 }
  }

  private func summed(
    _ bias: [Float]?, _ values: [Float], count: Int
  ) throws(ImportError) -> [Float] {
    let sum = (0..<count).map { channel in
      (bias?[channel] ?? 0) + (values.count == 1 ? values[0] : values[channel])
    }
    try node.require(
      sum.allSatisfy(\.isFinite), "the sum of the biases leaves the range of float32")
    return sum
  }
}

extension QuantizedOnnxConverter {
  /// The sum of two activations, or a bias that stands apart from its layer.
  fileprivate mutating func add() throws(ImportError) {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    let constants = try [0, 1].map { index throws(ImportError) in try isConstant(index) }
    if constants[0], constants[1] { return try adoptNothing() }
    if let index = constants.firstIndex(of: true) { return try addBias(constant: index) }
    try join(ProgramBuilder.sum) { .add(.init($0)) }
  }

  private mutating func addBias(constant index: Int) throws(ImportError) {
    let (state, shape) = try activation(1 - index)
    guard case .pending(let pending) = state, var layer = pending.openLayer, pending.isUnbounded
    else { throw node.unsupported("a constant added to anything but a linear layer's result") }
    layer.bias = try bias(index, layer: layer)
    var sum = layer.pending(isOpen: true)
    sum.name = pending.name
    try bind(.pending(sum), shape: shape)
  }
}
