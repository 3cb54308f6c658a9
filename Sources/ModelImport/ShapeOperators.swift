import FloatGraph

/// Operators that rearrange an activation or fold a constant: Reshape, Flatten, Squeeze, Unsqueeze,
/// Transpose.
extension OnnxConverter {
  mutating func reshape(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["allowzero", "shape"])
    guard let target = try target(node) else { throw node.error("has no target shape") }
    let copiesZero = try node.integer("allowzero") ?? 0 == 0
    switch try binding(node, 0) {
    case .activation(let value):
      let shape = graph.values[value].shape
      let output = try reshaped(node, shape, to: target, copiesZero: copiesZero)
      return try append(.reshape, node, inputs: [value], shape: output)
    case .constant(var constant):
      constant.dimensions = try reshaped(node, constant, to: target, copiesZero: copiesZero)
      return .constant(constant)
    default:
      return .unknown
    }
  }

  private mutating func target(_ node: ImportNode) throws(ImportError) -> [SymbolicInteger]? {
    if let shape = try node.integers("shape") { return shape.map { SymbolicInteger($0) } }
    guard let constant = try constant(node, 1) else { return nil }
    guard case .integers(let values) = constant.elements, constant.dimensions.count == 1,
      values.count <= OnnxConstant.maximumRank
    else { throw node.error("the target shape is not a list of at most 8 integers") }
    return values
  }

  /// The shape without batch that a target, batch first, gives an activation.
  private func reshaped(
    _ node: ImportNode, _ shape: [Int], to target: [SymbolicInteger], copiesZero: Bool
  ) throws(ImportError) -> [Int] {
    guard let first = target.first, target.count >= 2 else {
      throw node.unsupported("reshape that drops the batch axis")
    }
    let infersBatch = first.known == -1
    let keepsBatch =
      first == .batch || (first.known == 0 && copiesZero)
      || (first.known != nil && first.known == fixedBatch)
    guard keepsBatch || infersBatch else {
      throw node.unsupported("reshape that does not leave the batch axis first")
    }
    var output: [Int] = []
    for (axis, extent) in target.enumerated().dropFirst() {
      guard let extent = extent.known else {
        throw node.unsupported("reshape that moves the batch axis")
      }
      if extent == 0, copiesZero {
        guard axis <= shape.count else { throw node.error("axis \(axis) has nothing to copy") }
        output.append(shape[axis - 1])
      } else {
        output.append(extent)
      }
    }
    return try resolved(node, output, elements: shape.reduce(1, *), mayInfer: !infersBatch)
  }

  private func reshaped(
    _ node: ImportNode, _ constant: OnnxConstant, to target: [SymbolicInteger], copiesZero: Bool
  ) throws(ImportError) -> [Int] {
    var output: [Int] = []
    for (axis, extent) in target.enumerated() {
      guard let extent = extent.known else {
        throw node.unsupported("reshape of a constant by the batch size")
      }
      let copies = extent == 0 && copiesZero && constant.dimensions.indices.contains(axis)
      output.append(copies ? constant.dimensions[axis] : extent)
    }
    return try resolved(node, output, elements: constant.count, mayInfer: true)
  }

  /// `shape` with at most one −1 replaced, so that it holds `elements`.
  private func resolved(
    _ node: ImportNode, _ shape: [Int], elements: Int, mayInfer: Bool
  ) throws(ImportError) -> [Int] {
    let mismatch = node.error("\(elements) elements cannot take shape \(shape)")
    guard let open = shape.firstIndex(of: -1) else {
      guard OnnxConstant.elementCount(shape) == elements else { throw mismatch }
      return shape
    }
    var result = shape
    result[open] = 1
    guard mayInfer, let rest = OnnxConstant.elementCount(result), rest > 0, elements % rest == 0
    else { throw mismatch }
    result[open] = elements / rest
    return result
  }

  mutating func flatten(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axis"])
    let (value, shape) = try activation(node)
    let rank = shape.count + 1
    let declared = try node.integer("axis") ?? 1
    let axis = declared < 0 ? declared &+ rank : declared
    guard (1...rank).contains(axis), shape[..<(axis - 1)].allSatisfy({ $0 == 1 }) else {
      throw node.unsupported("flatten at axis \(declared), which takes in the batch axis")
    }
    return try append(.reshape, node, inputs: [value], shape: [shape.reduce(1, *)])
  }

  mutating func squeeze(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axes"])
    let declared = try integers(node, attribute: "axes", input: 1)
    switch try binding(node, 0) {
    case .activation(let value):
      let shape = graph.values[value].shape
      guard declared != nil || fixedBatch != 1 else {
        throw node.unsupported("squeeze of the batch axis")
      }
      let axes = try declared.map { list throws(ImportError) in
        try positive(list, rank: shape.count + 1, node)
      }
      guard !(axes?.contains(0) ?? false) else {
        throw node.unsupported("squeeze of the batch axis")
      }
      let output = try squeezed(node, [0] + shape, axes: axes)
      return try append(.reshape, node, inputs: [value], shape: Array(output.dropFirst()))
    case .constant(var constant):
      let axes = try declared.map { list throws(ImportError) in
        try positive(list, rank: constant.dimensions.count, node)
      }
      constant.dimensions = try squeezed(node, constant.dimensions, axes: axes)
      return .constant(constant)
    default:
      return .unknown
    }
  }

  private func squeezed(
    _ node: ImportNode, _ shape: [Int], axes: Set<Int>?
  ) throws(ImportError) -> [Int] {
    let axes = axes ?? Set(shape.indices.filter { shape[$0] == 1 })
    if let axis = axes.first(where: { shape[$0] != 1 }) {
      throw node.error("axis \(axis) has extent \(shape[axis]), not 1")
    }
    return shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
  }

  mutating func unsqueeze(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["axes"])
    guard let declared = try integers(node, attribute: "axes", input: 1) else {
      throw node.error("has no axes")
    }
    switch try binding(node, 0) {
    case .activation(let value):
      let output = try unsqueezed(node, [0] + graph.values[value].shape, axes: declared)
      guard output[0] == 0 else { throw node.unsupported("an axis before the batch axis") }
      return try append(.reshape, node, inputs: [value], shape: Array(output.dropFirst()))
    case .constant(var constant):
      constant.dimensions = try unsqueezed(node, constant.dimensions, axes: declared)
      return .constant(constant)
    default:
      return .unknown
    }
  }

  private func unsqueezed(
    _ node: ImportNode, _ shape: [Int], axes: [Int]
  ) throws(ImportError) -> [Int] {
    guard axes.count <= OnnxConstant.maximumRank - min(shape.count, OnnxConstant.maximumRank) else {
      throw node.error("gives more than \(OnnxConstant.maximumRank) axes")
    }
    let rank = shape.count + axes.count
    let added = try positive(axes, rank: rank, node)
    var rest = shape.makeIterator()
    return (0..<rank).map { added.contains($0) ? 1 : rest.next() ?? 1 }
  }

  /// Axes counted from the front, each in 0..<rank and given once.
  func positive(_ axes: [Int], rank: Int, _ node: ImportNode) throws(ImportError) -> Set<Int> {
    var result: Set<Int> = []
    for axis in axes {
      let positive = axis < 0 ? axis &+ rank : axis
      guard (0..<rank).contains(positive), result.insert(positive).inserted else {
        throw node.error("axis \(axis) is outside \(rank) axes, or given twice")
      }
    }
    return result
  }

  mutating func transpose(_ node: ImportNode) throws(ImportError) -> Binding {
    try node.allowAttributes(["perm"])
    let declared = try node.integers("perm")
    switch try binding(node, 0) {
    case .activation(let value):
      let shape = graph.values[value].shape
      let order = try permutation(node, declared, rank: shape.count + 1)
      // Only extents of 1 may move: the elements then keep their order.
      let moved = order.filter { $0 == 0 || shape[$0 - 1] != 1 }
      guard order[0] == 0, moved == moved.sorted() else {
        throw node.unsupported("transpose of an activation")
      }
      let output = order.dropFirst().map { shape[$0 - 1] }
      return try append(.reshape, node, inputs: [value], shape: output)
    case .constant(let constant):
      let order = try permutation(node, declared, rank: constant.dimensions.count)
      return .constant(try transposed(node, constant, order: order))
    default:
      return .unknown
    }
  }

  private func permutation(
    _ node: ImportNode, _ declared: [Int]?, rank: Int
  ) throws(ImportError) -> [Int] {
    let order = declared ?? Array((0..<rank).reversed())
    guard order.count == rank, order.sorted() == Array(0..<rank) else {
      throw node.error("perm \(order.prefix(8)) is not a permutation of \(rank) axes")
    }
    return order
  }

  private mutating func transposed(
    _ node: ImportNode, _ constant: OnnxConstant, order: [Int]
  ) throws(ImportError) -> OnnxConstant {
    let strides = OnnxConstant.broadcastStrides(constant.dimensions)
    return try picked(
      node, constant, dimensions: order.map { constant.dimensions[$0] }, origin: 0,
      strides: order.map { strides[$0] })
  }

  /// Elements of a constant along a walk: element [i, j, …] of the result is the one at
  /// origin + i · strides[0] + j · strides[1] + …
  mutating func picked(
    _ node: ImportNode, _ constant: OnnxConstant, dimensions: [Int], origin: Int, strides: [Int]
  ) throws(ImportError) -> OnnxConstant {
    guard let count = OnnxConstant.elementCount(dimensions),
      budget.claim(count, size: constant.elementSize)
    else { throw node.error("constants take more memory than the file may ask for") }
    let positions = StridedPositions(dimensions: dimensions, strides: strides, origin: origin)
    return constant.picking(positions, count: count, dimensions: dimensions)
  }
}
