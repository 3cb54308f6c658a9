import CupelFloatGraph
import CupelSupport

/// Operators that make constants.
extension OperatorRoom {
  static let constants = OperatorRoom(
    OnnxRow(
      "Constant", ["value", "value_float", "value_floats", "value_int", "value_ints"],
      float: { try $0.constantNode() }, quantized: { try $0.constant() }),
    OnnxRow("ConstantOfShape", ["value"], float: { try $0.constantOfShape() }),
    OnnxRow("Expand", float: { try $0.expand() }),
    OnnxRow("Tile", float: { try $0.tile() }),
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
    guard let wanted = try constant(1)?.integers else { throw node.error("has no shape") }
    switch try binding(0) {
    case .activation(let value): return try repeated(placed(value: value), to: wanted)
    case .constant(let constant):
      if let known = try? wanted.known(or: node.error("")) {
        let target = try commonShape(constant.dimensions, known)
        return .constant(try expanded(constant, to: target))
      }
      return try perImage(constant, wanted)
    default: return .unknown
    }
  }

  /// A constant for each image of a batch, which is an activation.
  private mutating func perImage(
    _ constant: OnnxConstant, _ wanted: [SymbolicInteger]
  ) throws(ImportError) -> Binding {
    let batches = wanted.indices.filter { wanted[$0].batches != 0 }
    guard batches.count == 1, wanted[batches[0]] == .batch, constant.floats != nil,
      constant.dimensions.count <= wanted.count
    else { throw node.unsupported("to a shape that depends on the batch size in this way") }
    let axis = batches[0]
    let own = wanted.enumerated().map { $0.offset == axis ? 1 : $0.element.known ?? 1 }
    var target = try commonShape(constant.dimensions, own)
    try node.support(target[axis] == 1, "a constant that differs from image to image")
    let values = try expanded(constant, to: target).floats ?? []
    target.remove(at: axis)
    return .activation(
      try self.constant(values, shape: target, at: BatchPlace(axis: axis), named: nil))
  }

  /// An activation repeated along axes of one element.
  private mutating func repeated(
    _ source: PlacedValue, to wanted: [SymbolicInteger]
  ) throws(ImportError) -> Binding {
    let rank = max(source.rank, wanted.count)
    try node.require(rank <= OnnxConstant.maximumRank, "has more than 8 axes")
    let shape = [Int](repeating: 1, count: rank - source.rank) + source.shape
    var place = source.place
    place.axis = place.axis.map { $0 + rank - source.rank }
    let operand = try reshaped(source, to: shape, at: place, named: "operand")
    let whole = placed(value: operand)
    var places = [[Int]?](repeating: nil, count: shape.count)
    for (index, extent) in wanted.enumerated() {
      let axis = index + rank - wanted.count
      guard let own = whole.axis(axis) else {
        try node.support(
          extent == .batch || extent.known == 1
            || extent.known != nil && extent.known == fixedBatch,
          "along the batch axis")
        continue
      }
      guard let known = extent.known else { throw node.unsupported("by the batch size") }
      guard known != 1, known != shape[own] else { continue }
      guard shape[own] == 1, (1...ShapeArithmetic.maximumElements).contains(known) else {
        throw node.error("cannot repeat \(shape[own]) elements to \(known)")
      }
      try budget.claim(known, size: MemoryLayout<Int>.stride, for: node)
      places[own] = [Int](repeating: 0, count: known)
    }
    if places.allSatisfy({ $0 == nil }) { return .activation(whole.value) }
    return try append(.gather(places), inputs: [whole.value], at: place)
  }

  fileprivate mutating func tile() throws(ImportError) -> Binding {
    let source = try placed()
    guard let repeats = try integers(1), repeats.count == source.rank else {
      throw node.error("needs a number of repetitions for each axis")
    }
    var places = [[Int]?](repeating: nil, count: source.shape.count)
    for (axis, count) in repeats.enumerated() where count != 1 {
      guard let own = source.axis(axis) else { throw node.unsupported("along the batch axis") }
      let (total, overflow) = source.shape[own].multipliedReportingOverflow(by: count)
      guard !overflow, (1...ShapeArithmetic.maximumElements).contains(total) else {
        throw node.error("\(count) repetitions of axis \(axis)")
      }
      try budget.claim(total, size: MemoryLayout<Int>.stride, for: node)
      places[own] = (0..<total).map { $0 % source.shape[own] }
    }
    return try append(.gather(places), inputs: [source.value], at: source.place)
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
