import CupelSupport

/// Operators that make constants.
extension OperatorRoom {
  static let constants = OperatorRoom(
    OnnxRow(
      "Constant", ["value", "value_float", "value_floats", "value_int", "value_ints"],
      float: { try $0.constantNode() }, quantized: { try $0.constant() }),
    OnnxRow("ConstantOfShape", ["value"], float: { try $0.constantOfShape() }),
    OnnxRow("Expand", float: { try $0.expand() }),
    OnnxRow("Range", float: { try $0.range() }))
}

extension OnnxConverter {
  fileprivate mutating func constantNode() throws(ImportError) -> Binding {
    if let tensor = try node.tensor("value") {
      let constant = try OnnxTensorReader.constant(
        tensor, name: node.outputs.first ?? node.name, budget: &budget)
      return .constant(constant)
    }
    if let value = try node.number("value_float") {
      return .constant(OnnxConstant(dimensions: [], elements: .floats([value])))
    }
    if let value = try node.integer("value_int") {
      return .constant(.integers([SymbolicInteger(value)], dimensions: []))
    }
    if let values = try node.numbers("value_floats") {
      return .constant(OnnxConstant(dimensions: [values.count], elements: .floats(values)))
    }
    guard let values = try node.integers("value_ints") else { throw node.error("has no value") }
    return .constant(.integers(values.map { SymbolicInteger($0) }))
  }

  fileprivate mutating func constantOfShape() throws(ImportError) -> Binding {
    guard let dimensions = try integers(0) else { throw node.error("has no shape") }
    var value = OnnxConstant(dimensions: [1], elements: .floats([0]))
    if let tensor = try node.tensor("value") {
      value = try OnnxTensorReader.constant(tensor, name: node.name, budget: &budget)
    }
    try node.require(value.count == 1, "its value is not a single element")
    value.dimensions = []
    return .constant(try expanded(value, to: dimensions))
  }

  fileprivate mutating func range() throws(ImportError) -> Binding {
    guard let start = try integers(0)?.first, let limit = try integers(1)?.first,
      let step = try integers(2)?.first, step != 0
    else { throw node.error("needs start, limit and a step other than 0") }
    let (span, overflow) = limit.subtractingReportingOverflow(start)
    try node.require(!overflow && span != .min, "overflows")
    let isEmpty = span == 0 || (span < 0) != (step < 0)
    let count = isEmpty ? 0 : Int((span.magnitude - 1) / step.magnitude) + 1
    try budget.claim(count, size: MemoryLayout<SymbolicInteger>.stride, for: node)
    return .constant(.integers((0..<count).map { SymbolicInteger(start + $0 * step) }))
  }

  fileprivate mutating func expand() throws(ImportError) -> Binding {
    guard let wanted = try integers(1) else { throw node.error("has no shape") }
    let constant = try folded(0)
    let target = try commonShape(constant.dimensions, wanted)
    return .constant(try expanded(constant, to: target))
  }
}

extension QuantizedOnnxConverter {
  /// Nodes of small integers are kept as they are; all others are shape arithmetic.
  fileprivate mutating func constant() throws(ImportError) {
    guard let tensor = try node.tensor("value"), let name = node.outputs.first,
      [2, 3, 21, 22].contains(tensor.elementType)
    else { return try adoptNothing() }
    guard float.isFree(name), weights[name] == nil,
      float.constantTensors.updateValue(tensor, forKey: name) == nil
    else { throw node.error("output '\(printable(name))' already exists") }
  }
}
