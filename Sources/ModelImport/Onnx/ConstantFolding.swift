/// Arithmetic on constants, which exporters leave behind to compute shapes.
extension OnnxConverter {
  /// An input that must be a constant for this operator to be folded.
  mutating func folded(_ index: Int) throws(ImportError) -> OnnxConstant {
    guard case .constant(let constant) = try binding(index) else {
      throw node.unsupported("on an activation")
    }
    return constant
  }

  mutating func broadcast(
    _ left: OnnxConstant, _ right: OnnxConstant
  ) throws(ImportError) -> (OnnxConstant, OnnxConstant) {
    let target = try commonShape(left.dimensions, right.dimensions)
    return (try expanded(left, to: target), try expanded(right, to: target))
  }

  func commonShape(_ left: [Int], _ right: [Int]) throws(ImportError) -> [Int] {
    let rank = max(left.count, right.count)
    try node.require(rank <= OnnxConstant.maximumRank, "has more than 8 axes")
    let a = [Int](repeating: 1, count: rank - left.count) + left
    let b = [Int](repeating: 1, count: rank - right.count) + right
    var shape: [Int] = []
    for (a, b) in zip(a, b) {
      try node.require(a == b || a == 1 || b == 1, "shapes \(left) and \(right) do not broadcast")
      shape.append(a == 1 ? b : a)
    }
    return shape
  }

  /// A constant repeated to `target`, which must be a shape it broadcasts to. Claims the memory,
  /// also where nothing is copied: the result of the operator will take as much.
  mutating func expanded(
    _ constant: OnnxConstant, to target: [Int]
  ) throws(ImportError) -> OnnxConstant {
    try node.require(
      target.count <= OnnxConstant.maximumRank, "has more than \(OnnxConstant.maximumRank) axes")
    if constant.dimensions == target {
      try budget.claim(constant.count, size: constant.elementSize, for: node)
      return constant
    }
    let missing = target.count - constant.dimensions.count
    let strides =
      [Int](repeating: 0, count: max(missing, 0))
      + OnnxConstant.broadcastStrides(constant.dimensions)
    return try picked(constant, dimensions: target, origin: 0, strides: strides)
  }

  /// Elements of a constant along a walk: element [i, j, …] of the result is the one at
  /// origin + i · strides[0] + j · strides[1] + …
  mutating func picked(
    _ constant: OnnxConstant, dimensions: [Int], origin: Int, strides: [Int]
  ) throws(ImportError) -> OnnxConstant {
    let count = try budget.claim(shape: dimensions, size: constant.elementSize, for: node)
    let positions = StridedPositions(dimensions: dimensions, strides: strides, origin: origin)
    return constant.picking(positions, count: count, dimensions: dimensions)
  }
}
