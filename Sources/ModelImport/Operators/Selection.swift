import CupelFloatGraph

/// Operators that pick or compare elements.
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
    if case .activation(let value) = try binding(0) { return try gather(placed(value: value)) }
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

  /// Elements of an activation's axis at constant places.
  private mutating func gather(_ source: PlacedValue) throws(ImportError) -> Binding {
    guard let picks = try constant(1), let list = picks.integers else {
      throw node.unsupported("at places that are not constant")
    }
    let declared = try fileAxis(try node.integer("axis") ?? 0, rank: source.rank)
    let places = try list.known(or: node.unsupported("at places that depend on the batch size"))
    guard let axis = source.axis(declared) else {
      try node.support(
        fixedBatch == 1 && source.place.isOwnAxis && picks.dimensions.isEmpty
          && (places == [0] || places == [-1]), "along the batch axis")
      return .activation(try reshaped(source, to: source.shape, at: .none, named: nil))
    }
    let extent = source.shape[axis]
    for place in places where !(-extent..<extent).contains(place) {
      throw node.error("place \(place) lies outside axis \(declared) of \(extent) elements")
    }
    try node.require(!places.isEmpty, "picks nothing")
    let picked = try picked(
      source, places.map { $0 < 0 ? $0 + extent : $0 }, axis: axis,
      named: picks.dimensions.count == 1 ? nil : "picked")
    guard picks.dimensions.count != 1 else { return .activation(picked) }
    var shape = source.shape
    shape.replaceSubrange(axis...axis, with: picks.dimensions)
    try node.support(
      !shape.isEmpty && shape.count < OnnxConstant.maximumRank, "that gives \(shape.count) axes")
    var place = source.place
    if let batch = place.axis, batch > declared { place.axis = batch - 1 + picks.dimensions.count }
    return .activation(try reshaped(placed(value: picked), to: shape, at: place, named: nil))
  }

  /// Elements at places of one axis: a slice where those are at one distance from each other.
  mutating func picked(
    _ source: PlacedValue, _ places: [Int], axis: Int, named suffix: String?
  ) throws(ImportError) -> Int {
    let step = places.count > 1 ? places[1] - places[0] : 1
    if step >= 1, places.indices.allSatisfy({ places[$0] == places[0] + $0 * step }) {
      return try sliced(
        source, places[0], step: step, count: places.count, axis: axis, named: suffix)
    }
    try budget.claim(places.count, size: MemoryLayout<Int>.stride, for: node)
    var all = [[Int]?](repeating: nil, count: source.shape.count)
    all[axis] = places
    return try self.step(.gather(all), [source.value], at: source.place, named: suffix)
  }

  /// Every step-th element of one axis, from a first one on.
  mutating func sliced(
    _ source: PlacedValue, _ start: Int, step: Int = 1, count: Int, axis: Int, named suffix: String?
  ) throws(ImportError) -> Int {
    var shape = source.shape
    var slice = FloatGraph.Slice(start: shape.map { _ in 0 }, step: shape.map { _ in 1 })
    (shape[axis], slice.start[axis], slice.step[axis]) = (count, start, step)
    return try self.step(
      .slice(slice), [source.value], shape: shape, at: source.place, named: suffix)
  }
}
