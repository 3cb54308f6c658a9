/// Shapes of activations, and their products: nothing but constants to fold.
extension OperatorRoom {
  static let shapes = OperatorRoom(
    OnnxRow("Shape", ["end", "start"], float: { try $0.shape() }),
    OnnxRow("Size", float: { try $0.size() }),
    TFLiteRow(.shape, mayComputeShapes: true))
}

extension OnnxConverter {
  fileprivate mutating func shape() throws(ImportError) -> Binding {
    let extents = try symbolicShape()
    func clamped(_ position: Int) -> Int {
      min(max(position < 0 ? position + extents.count : position, 0), extents.count)
    }
    let start = clamped(try node.integer("start") ?? 0)
    let end = clamped(try node.integer("end") ?? extents.count)
    return .constant(.integers(Array(extents[start..<max(start, end)])))
  }

  fileprivate mutating func size() throws(ImportError) -> Binding {
    var product = SymbolicInteger(1)
    for extent in try symbolicShape() {
      guard let next = product.multiplied(by: extent) else { throw node.error("overflows") }
      product = next
    }
    return .constant(.integers([product], dimensions: []))
  }

  private mutating func symbolicShape() throws(ImportError) -> [SymbolicInteger] {
    switch try binding(0) {
    case .activation(let value):
      return placed(value: value).dimensions
    case .constant(let constant): return constant.dimensions.map { SymbolicInteger($0) }
    default: return []
    }
  }
}
