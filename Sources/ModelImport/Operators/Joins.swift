import CupelFloatGraph

/// Operators that join any number of tensors element by element.
extension OperatorRoom {
  static let joins = OperatorRoom(
    OnnxRow("Max", float: { try $0.join(.maximum) }),
    OnnxRow("Mean", float: { try $0.join(.add, isMean: true) }),
    OnnxRow("Min", float: { try $0.join(.minimum) }), OnnxRow("Sum", float: { try $0.join(.add) }))
}

extension OnnxConverter {
  /// One behind the other, from the left.
  ///
  /// - Parameter isMean: whether the result is divided by how many there are.
  fileprivate mutating func join(
    _ operation: FloatGraph.Operation, isMean: Bool = false
  ) throws(ImportError) -> Binding {
    try node.require(!node.inputs.isEmpty, "has no inputs")
    var operands: [Operand] = []
    for index in node.inputs.indices { operands.append(try operand(index)) }
    guard operands.contains(where: { if case .activation = $0 { true } else { false } }) else {
      throw node.unsupported("of constants")
    }
    var (values, place) = try aligned(operands)
    while values.count > 1 {
      let isLast = values.count == 2 && !isMean
      let joined = try step(
        operation, Array(values[..<2]), at: place, named: isLast ? nil : "joined\(values.count)")
      values.replaceSubrange(..<2, with: [joined])
    }
    guard isMean else { return .activation(values[0]) }
    return try append(
      .affine(factor: 1 / Float(operands.count), offset: 0), inputs: values, at: place)
  }
}
