/// Operators that make constants.
extension OperatorRoom {
  static let constants = OperatorRoom(onnx: [
    OnnxRow(
      "Constant", ["value", "value_float", "value_floats", "value_int", "value_ints"],
      float: { try $0.constantNode($1) }, quantized: { try $0.constant($1) }),
    OnnxRow("ConstantOfShape", ["value"], float: { try $0.constantOfShape($1) }),
    OnnxRow("Expand", float: { try $0.expand($1) }),
    OnnxRow("Range", float: { try $0.range($1) }),
  ])
}

extension OnnxConverter {
  fileprivate mutating func constantNode(_ node: ImportNode) throws(ImportError) -> Binding {
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

  fileprivate mutating func constantOfShape(_ node: ImportNode) throws(ImportError) -> Binding {
    guard let dimensions = try integers(node, 0) else { throw node.error("has no shape") }
    var value = OnnxConstant(dimensions: [1], elements: .floats([0]))
    if let tensor = try node.tensor("value") {
      value = try OnnxTensorReader.constant(tensor, name: node.name, budget: &budget)
    }
    guard value.count == 1 else { throw node.error("its value is not a single element") }
    value.dimensions = []
    return .constant(try expanded(node, value, to: dimensions))
  }

  fileprivate mutating func range(_ node: ImportNode) throws(ImportError) -> Binding {
    guard let start = try integers(node, 0)?.first, let limit = try integers(node, 1)?.first,
      let step = try integers(node, 2)?.first, step != 0
    else { throw node.error("needs start, limit and a step other than 0") }
    let (span, overflow) = limit.subtractingReportingOverflow(start)
    guard !overflow, span != .min else { throw node.error("overflows") }
    let isEmpty = span == 0 || (span < 0) != (step < 0)
    let count = isEmpty ? 0 : Int((span.magnitude - 1) / step.magnitude) + 1
    try budget.claim(count, size: MemoryLayout<SymbolicInteger>.stride, for: node)
    return .constant(.integers((0..<count).map { SymbolicInteger(start + $0 * step) }))
  }

  fileprivate mutating func expand(_ node: ImportNode) throws(ImportError) -> Binding {
    guard let wanted = try integers(node, 1) else { throw node.error("has no shape") }
    let constant = try folded(node, 0)
    let target = try commonShape(node, constant.dimensions, wanted)
    return .constant(try expanded(node, constant, to: target))
  }
}

extension QuantizedOnnxConverter {
  /// Nodes of small integers are kept as they are; all others are shape arithmetic.
  fileprivate mutating func constant(_ node: ImportNode) throws(ImportError) {
    guard let tensor = try node.tensor("value"), let name = node.outputs.first,
      [2, 3, 21, 22].contains(tensor.elementType)
    else { return try adoptNothing(node) }
    guard float.binding(of: name) == nil, float.initializer(name) == nil, weights[name] == nil,
      float.constantTensors.updateValue(tensor, forKey: name) == nil
    else { throw node.error("output '\(printable(name))' already exists") }
  }
}
