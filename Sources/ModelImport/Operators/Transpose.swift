import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let transpose = OperatorRoom(
    OnnxRow(
      "Transpose", ["perm"], anyBatchPlace: true, float: { try $0.transpose() },
      quantized: { try $0.transpose() }),
    TFLiteRow(
      .transpose, takesPlainIntegers: true, float: { try $0.transpose() },
      integer: { try $0.transpose() }))
}

extension OnnxConverter {
  fileprivate mutating func transpose() throws(ImportError) -> Binding {
    let declared = try node.integers("perm")
    switch try binding(0) {
    case .activation(let value):
      let source = placed(value: value)
      let order = try permutation(declared, rank: source.rank)
      var place = source.place
      place.axis = place.axis.flatMap { order.firstIndex(of: $0) }
      let own = order.filter { !source.place.isOwnAxis || $0 != source.place.axis }
        .map { source.place.isOwnAxis ? source.axis($0) ?? 0 : $0 }
      // Where only extents of 1 move, the elements keep their order.
      let moved = own.filter { source.shape[$0] != 1 }
      if moved == moved.sorted() {
        let output = own.map { source.shape[$0] }
        return .activation(try reshaped(source, to: output, at: place, named: nil))
      }
      return try append(.transpose(own), inputs: [value], at: place)
    case .constant(let constant):
      let order = try permutation(declared, rank: constant.dimensions.count)
      return .constant(try transposed(constant, order: order))
    default: return .unknown
    }
  }

  private func permutation(_ declared: [Int]?, rank: Int) throws(ImportError) -> [Int] {
    let order = declared ?? Array((0..<rank).reversed())
    guard order.count == rank, order.sorted() == Array(0..<rank) else {
      throw node.error("perm \(order.prefix(8)) is not a permutation of \(rank) axes")
    }
    return order
  }

  private mutating func transposed(
    _ constant: OnnxConstant, order: [Int]
  ) throws(ImportError) -> OnnxConstant {
    let strides = OnnxConstant.broadcastStrides(constant.dimensions)
    return try picked(
      constant, dimensions: order.map { constant.dimensions[$0] }, origin: 0,
      strides: order.map { strides[$0] })
  }
}

extension TFLiteNode {
  /// Whether it makes [1, H, W, C] of [1, C, H, W].
  var bringsChannelsBehind: Bool {
    source.operation == .transpose && (try? integers(1, "the order of axes")) == [0, 2, 3, 1]
  }
}

extension TFLiteNode {
  /// The order of axes; negative ones count from the end.
  fileprivate func axisOrder() throws(ImportError) -> [Int] {
    let rank = try tensor(0).shape.count
    let declared = try integers(1, "the order of axes")
    let order = declared.map { $0 < 0 ? $0 &+ rank : $0 }
    try require(order.sorted() == Array(0..<rank), "\(declared) is no order of \(rank) axes")
    return order
  }
}

extension TFLiteFloatConverter {
  /// An input that has its channels first has the order that graphs have anyway.
  fileprivate mutating func transpose() throws(ImportError) {
    if case .value(let value, .channelsFirst) = bindings[try node.input(0)],
      node.bringsChannelsBehind
    {
      return try finish(value)
    }
    let order = try node.axisOrder()
    let input = try array()
    try finish(order.isEmpty ? input : try made(.transpose(order), [input], ""))
  }
}

extension QuantizedOnnxConverter {
  /// Of quantized weights: a matrix, as linear layers are exported.
  fileprivate mutating func transpose() throws(ImportError) {
    guard let name = node.inputs.first, let constant = weights[name],
      let output = node.outputs.first
    else { return try adoptUnchanged() }
    let order = try node.integers("perm") ?? [1, 0]
    guard let transposed = constant.transposed, order == [1, 0] else {
      throw node.unsupported("quantized weights transposed by \(order.prefix(8))")
    }
    try define(output, transposed)
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func transpose() throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    try finish(builder.transpose(input, order: try node.axisOrder()))
  }
}
