/// Conversions between types of elements: activations stay float.
extension OperatorRoom {
  static let cast = OperatorRoom(
    OnnxRow("Cast", ["round_mode", "saturate", "to"], float: { try $0.cast() }),
    OnnxRow("CastLike", ["round_mode", "saturate"], float: { try $0.castLike() }))
}

extension OnnxConverter {
  fileprivate mutating func cast() throws(ImportError) -> Binding {
    guard let target = try node.integer("to"), let number = Int32(exactly: target),
      let type = OnnxTensorReader.ElementType(rawValue: number)
    else {
      throw node.unsupported(
        "conversion to \(OnnxTensorReader.typeName(try node.integer("to") ?? 0))")
    }
    return try converted(to: type)
  }

  fileprivate mutating func castLike() throws(ImportError) -> Binding {
    switch try binding(1) {
    case .activation: return try converted(to: .float32)
    case .constant(let model):
      if case .floats = model.elements { return try converted(to: .float32) }
      // Whether the model is boolean is not kept; nothing but shape arithmetic is cast like it.
      return try converted(to: .int64)
    default: return .unknown
    }
  }

  private mutating func converted(
    to type: OnnxTensorReader.ElementType
  ) throws(ImportError) -> Binding {
    switch try binding(0) {
    case .activation(let value):
      try node.support(
        type == .float32 || type == .float64,
        "an activation as \(OnnxTensorReader.typeName(type.rawValue))")
      return .activation(value)
    case .constant(var constant):
      try node.support(
        type != .float16 && type != .bfloat16,
        "conversion of a constant to \(OnnxTensorReader.typeName(type.rawValue))")
      try budget.claim(constant.count, size: MemoryLayout<SymbolicInteger>.stride, for: node)
      constant.elements = try converted(constant.elements, to: type)
      return .constant(constant)
    default: return .unknown
    }
  }

  private func converted(
    _ elements: OnnxConstant.Elements, to type: OnnxTensorReader.ElementType
  ) throws(ImportError) -> OnnxConstant.Elements {
    switch elements {
    case .floats(let values):
      if type.isFloat { return elements }
      var result: [SymbolicInteger] = []
      for value in values {
        // Exactly the floats whose integer part is representable.
        guard value > -0x1p63, value < 0x1p63 else { throw node.error("\(value) is no integer") }
        result.append(SymbolicInteger(type == .bool ? (value == 0 ? 0 : 1) : Int(value)))
      }
      return .integers(result)
    case .integers(let values):
      guard type.isFloat || type == .bool else { return elements }
      let known = try values.known(or: node.unsupported("a conversion of the batch size"))
      return type.isFloat
        ? .floats(known.map { Float($0) })
        : .integers(known.map { SymbolicInteger($0 == 0 ? 0 : 1) })
    }
  }
}
