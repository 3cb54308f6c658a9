import FloatGraph

/// Operators that exporters leave behind to compute shapes: evaluated here, on constants only.
extension OnnxConverter {
  enum Arithmetic {
    case add, subtract, multiply, divide

    func apply(_ left: Float, _ right: Float) -> Float {
      switch self {
      case .add: left + right
      case .subtract: left - right
      case .multiply: left * right
      case .divide: left / right
      }
    }

    func apply(_ left: SymbolicInteger, _ right: SymbolicInteger) -> SymbolicInteger? {
      switch self {
      case .add: left.adding(right)
      case .subtract: left.subtracting(right)
      case .multiply: left.multiplied(by: right)
      case .divide: left.divided(by: right)
      }
    }
  }

  mutating func arithmetic(
    _ node: ImportNode, _ operation: Arithmetic
  ) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    guard node.inputs.count == 2 else { throw node.error("needs 2 inputs") }
    let (left, right) = try broadcast(node, try folded(node, 0), try folded(node, 1))
    switch (left.elements, right.elements) {
    case (.floats(let a), .floats(let b)):
      let values = zip(a, b).map { operation.apply($0, $1) }
      return .constant(OnnxConstant(dimensions: left.dimensions, elements: .floats(values)))
    case (.integers(let a), .integers(let b)):
      var values: [SymbolicInteger] = []
      for (a, b) in zip(a, b) {
        guard let value = operation.apply(a, b) else {
          throw node.error("shape arithmetic overflows or is not linear in the batch size")
        }
        values.append(value)
      }
      return .constant(.integers(values, dimensions: left.dimensions))
    default:
      throw node.error("inputs differ in type")
    }
  }

  mutating func equal(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    let (left, right) = try broadcast(node, try folded(node, 0), try folded(node, 1))
    var values: [SymbolicInteger] = []
    switch (left.elements, right.elements) {
    case (.floats(let a), .floats(let b)):
      values = zip(a, b).map { SymbolicInteger($0 == $1 ? 1 : 0) }
    case (.integers(let a), .integers(let b)):
      for (a, b) in zip(a, b) {
        guard let isEqual = a.equals(b) else {
          throw node.unsupported("a comparison that depends on the batch size")
        }
        values.append(SymbolicInteger(isEqual ? 1 : 0))
      }
    default:
      throw node.error("inputs differ in type")
    }
    return .constant(.integers(values, dimensions: left.dimensions))
  }

  mutating func select(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    let whole = try commonShape(
      node, try folded(node, 0).dimensions, try folded(node, 1).dimensions)
    let target = try commonShape(node, whole, try folded(node, 2).dimensions)
    let condition = try expanded(node, try folded(node, 0), to: target)
    let accepted = try expanded(node, try folded(node, 1), to: target)
    let rejected = try expanded(node, try folded(node, 2), to: target)
    guard case .integers(let flags) = condition.elements else {
      throw node.error("the condition is not boolean")
    }
    var isTrue: [Bool] = []
    for flag in flags {
      guard let known = flag.known else {
        throw node.unsupported("a condition that depends on the batch size")
      }
      isTrue.append(known != 0)
    }
    switch (accepted.elements, rejected.elements) {
    case (.floats(let a), .floats(let b)):
      let values = isTrue.indices.map { isTrue[$0] ? a[$0] : b[$0] }
      return .constant(OnnxConstant(dimensions: target, elements: .floats(values)))
    case (.integers(let a), .integers(let b)):
      return .constant(
        .integers(isTrue.indices.map { isTrue[$0] ? a[$0] : b[$0] }, dimensions: target))
    default:
      throw node.error("inputs differ in type")
    }
  }

  mutating func shape(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["end", "start"])
    let extents = try symbolicShape(node)
    func clamped(_ position: Int) -> Int {
      min(max(position < 0 ? position + extents.count : position, 0), extents.count)
    }
    let start = clamped(try node.integer("start") ?? 0)
    let end = clamped(try node.integer("end") ?? extents.count)
    return .constant(.integers(Array(extents[start..<max(start, end)])))
  }

  mutating func size(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    var product = SymbolicInteger(1)
    for extent in try symbolicShape(node) {
      guard let next = product.multiplied(by: extent) else { throw node.error("overflows") }
      product = next
    }
    return .constant(.integers([product], dimensions: []))
  }

  private mutating func symbolicShape(_ node: ImportNode) throws(ImportError) -> [SymbolicInteger] {
    switch try binding(node, 0) {
    case .activation(let value):
      return [.batch] + graph.values[value].shape.map { SymbolicInteger($0) }
    case .constant(let constant):
      return constant.dimensions.map { SymbolicInteger($0) }
    default:
      return []
    }
  }

  mutating func gather(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axis"])
    let data = try folded(node, 0)
    let picks = try folded(node, 1)
    guard case .integers(let list) = picks.elements else {
      throw node.error("indices are not integers")
    }
    let declared = try node.integer("axis") ?? 0
    let rank = data.dimensions.count
    let axis = declared < 0 ? declared &+ rank : declared
    guard (0..<rank).contains(axis) else { throw node.error("axis \(declared) of \(rank)") }
    let extent = data.dimensions[axis]
    let dimensions =
      data.dimensions[..<axis] + picks.dimensions + data.dimensions[(axis + 1)...]
    guard dimensions.count <= OnnxConstant.maximumRank,
      let count = OnnxConstant.elementCount(Array(dimensions)),
      budget.claim(count, size: data.elementSize + MemoryLayout<Int>.stride)
    else { throw node.error("constants take more memory than the file may ask for") }
    var rows: [Int] = []
    for index in list {
      guard let known = index.known, (-extent..<extent).contains(known) else {
        throw node.error("an index lies outside axis \(axis) of \(extent) elements")
      }
      rows.append(known < 0 ? known + extent : known)
    }
    let inner = data.dimensions[(axis + 1)...].reduce(1, *)
    let outer = data.dimensions[..<axis].reduce(1, *)
    var positions: [Int] = []
    positions.reserveCapacity(count)
    if count > 0 {
      for block in 0..<outer {
        for row in rows {
          let start = (block * extent + row) * inner
          positions += start..<start + inner
        }
      }
    }
    return .constant(data.picking(positions, count: count, dimensions: Array(dimensions)))
  }

  mutating func cast(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["round_mode", "saturate", "to"])
    guard let target = try node.integer("to"), let number = Int32(exactly: target),
      let type = OnnxTensorReader.ElementType(rawValue: number)
    else { throw node.unsupported("conversion to a type that is not known") }
    return try converted(node, to: type)
  }

  mutating func castLike(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["round_mode", "saturate"])
    switch try binding(node, 1) {
    case .activation: return try converted(node, to: .float32)
    case .constant(let model):
      if case .floats = model.elements { return try converted(node, to: .float32) }
      // Whether the model is boolean is not kept; nothing but shape arithmetic is cast like it.
      return try converted(node, to: .int64)
    default: return .unknown
    }
  }

  private mutating func converted(
    _ node: ImportNode, to type: OnnxTensorReader.ElementType
  ) throws(ImportError) -> Binding {
    switch try binding(node, 0) {
    case .activation(let value):
      guard type.isFloat else { throw node.unsupported("activations that are not float") }
      return .activation(value)
    case .constant(var constant):
      guard budget.claim(constant.count, size: MemoryLayout<SymbolicInteger>.stride) else {
        throw node.error("constants take more memory than the file may ask for")
      }
      constant.elements = try converted(node, constant.elements, to: type)
      return .constant(constant)
    default:
      return .unknown
    }
  }

  private func converted(
    _ node: ImportNode, _ elements: OnnxConstant.Elements, to type: OnnxTensorReader.ElementType
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
      var known: [Int] = []
      for value in values {
        guard let number = value.known else {
          throw node.unsupported("a conversion of the batch size")
        }
        known.append(number)
      }
      return type.isFloat
        ? .floats(known.map { Float($0) })
        : .integers(known.map { SymbolicInteger($0 == 0 ? 0 : 1) })
    }
  }

  mutating func constantNode(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["value", "value_float", "value_floats", "value_int", "value_ints"])
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

  mutating func constantOfShape(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["value"])
    guard let dimensions = try integers(node, 0) else { throw node.error("has no shape") }
    var value = OnnxConstant(dimensions: [1], elements: .floats([0]))
    if let tensor = try node.tensor("value") {
      value = try OnnxTensorReader.constant(tensor, name: node.name, budget: &budget)
    }
    guard value.count == 1 else { throw node.error("its value is not a single element") }
    value.dimensions = []
    return .constant(try expanded(node, value, to: dimensions))
  }

  mutating func range(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    guard let start = try integers(node, 0)?.first, let limit = try integers(node, 1)?.first,
      let step = try integers(node, 2)?.first, step != 0
    else { throw node.error("needs start, limit and a step other than 0") }
    let (span, overflow) = limit.subtractingReportingOverflow(start)
    guard !overflow, span != .min else { throw node.error("overflows") }
    let isEmpty = span == 0 || (span < 0) != (step < 0)
    let count = isEmpty ? 0 : Int((span.magnitude - 1) / step.magnitude) + 1
    guard budget.claim(count, size: MemoryLayout<SymbolicInteger>.stride) else {
      throw node.error("constants take more memory than the file may ask for")
    }
    return .constant(.integers((0..<count).map { SymbolicInteger(start + $0 * step) }))
  }

  mutating func expand(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes([])
    guard let wanted = try integers(node, 1) else { throw node.error("has no shape") }
    let constant = try folded(node, 0)
    let target = try commonShape(node, constant.dimensions, wanted)
    return .constant(try expanded(node, constant, to: target))
  }

  // MARK: Broadcasting

  /// An input that must be a constant for this operator to be folded.
  private mutating func folded(
    _ node: ImportNode, _ index: Int
  ) throws(ImportError) -> OnnxConstant {
    guard case .constant(let constant) = try binding(node, index) else {
      throw node.unsupported("on an activation")
    }
    return constant
  }

  private mutating func broadcast(
    _ node: ImportNode, _ left: OnnxConstant, _ right: OnnxConstant
  ) throws(ImportError) -> (OnnxConstant, OnnxConstant) {
    let target = try commonShape(node, left.dimensions, right.dimensions)
    return (try expanded(node, left, to: target), try expanded(node, right, to: target))
  }

  private func commonShape(
    _ node: ImportNode, _ left: [Int], _ right: [Int]
  ) throws(ImportError) -> [Int] {
    let rank = max(left.count, right.count)
    guard rank <= OnnxConstant.maximumRank else { throw node.error("has more than 8 axes") }
    let a = [Int](repeating: 1, count: rank - left.count) + left
    let b = [Int](repeating: 1, count: rank - right.count) + right
    var shape: [Int] = []
    for (a, b) in zip(a, b) {
      guard a == b || a == 1 || b == 1 else {
        throw node.error("shapes \(left) and \(right) do not broadcast")
      }
      shape.append(a == 1 ? b : a)
    }
    return shape
  }

  /// A constant repeated to `target`, which must be a shape it broadcasts to. Claims the memory,
  /// also where nothing is copied: the result of the operator will take as much.
  private mutating func expanded(
    _ node: ImportNode, _ constant: OnnxConstant, to target: [Int]
  ) throws(ImportError) -> OnnxConstant {
    guard target.count <= OnnxConstant.maximumRank else {
      throw node.error("has more than \(OnnxConstant.maximumRank) axes")
    }
    if constant.dimensions == target {
      guard budget.claim(constant.count, size: constant.elementSize) else {
        throw node.error("constants take more memory than the file may ask for")
      }
      return constant
    }
    let missing = target.count - constant.dimensions.count
    let strides =
      [Int](repeating: 0, count: max(missing, 0))
      + OnnxConstant.broadcastStrides(constant.dimensions)
    return try picked(node, constant, dimensions: target, origin: 0, strides: strides)
  }
}
