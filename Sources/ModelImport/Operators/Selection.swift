/// Operators that pick or compare elements of constants.
extension OperatorRoom {
  static let selection = OperatorRoom(
    OnnxRow("Equal", float: { try $0.equal() }),
    OnnxRow("Gather", ["axis"], float: { try $0.gather() }),
    OnnxRow("Where", float: { try $0.select() }))
}

extension OnnxConverter {
  fileprivate mutating func equal() throws(ImportError) -> Binding {
    let (left, right) = try broadcast(try folded(0), try folded(1))
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
    default: throw node.error("inputs differ in type")
    }
    return .constant(.integers(values, dimensions: left.dimensions))
  }

  fileprivate mutating func select() throws(ImportError) -> Binding {
    let whole = try commonShape(try folded(0).dimensions, try folded(1).dimensions)
    let target = try commonShape(whole, try folded(2).dimensions)
    let condition = try expanded(try folded(0), to: target)
    let accepted = try expanded(try folded(1), to: target)
    let rejected = try expanded(try folded(2), to: target)
    guard case .integers(let flags) = condition.elements else {
      throw node.error("the condition is not boolean")
    }
    let isTrue = try flags.known(or: node.unsupported("a condition that depends on the batch size"))
      .map { $0 != 0 }
    switch (accepted.elements, rejected.elements) {
    case (.floats(let a), .floats(let b)):
      let values = isTrue.indices.map { isTrue[$0] ? a[$0] : b[$0] }
      return .constant(OnnxConstant(dimensions: target, elements: .floats(values)))
    case (.integers(let a), .integers(let b)):
      return .constant(
        .integers(isTrue.indices.map { isTrue[$0] ? a[$0] : b[$0] }, dimensions: target))
    default: throw node.error("inputs differ in type")
    }
  }

  fileprivate mutating func gather() throws(ImportError) -> Binding {
    let data = try folded(0)
    let picks = try folded(1)
    guard case .integers(let list) = picks.elements else {
      throw node.error("indices are not integers")
    }
    let declared = try node.integer("axis") ?? 0
    let rank = data.dimensions.count
    let axis = declared < 0 ? declared &+ rank : declared
    try node.require((0..<rank).contains(axis), "axis \(declared) of \(rank)")
    let extent = data.dimensions[axis]
    let dimensions = data.dimensions[..<axis] + picks.dimensions + data.dimensions[(axis + 1)...]
    let size = data.elementSize + MemoryLayout<Int>.stride
    let count = try budget.claim(
      shape: dimensions.count > OnnxConstant.maximumRank ? [-1] : Array(dimensions), size: size,
      for: node)
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
}
