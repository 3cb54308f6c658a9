import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Products of two activations that are matrices, or lists of matrices.
extension OperatorRoom {
  static let batchMatMul = OperatorRoom(
    TFLiteRow(
      .batchMatMul, float: { try $0.batchMatMul() }, integer: { try $0.batchMatMul() }))
}

extension TFLiteFloatConverter {
  fileprivate mutating func batchMatMul() throws(ImportError) {
    typealias Field = TFLite.Options.BatchMatMul
    let adjoint = [try node.flag(Field.adjointX), try node.flag(Field.adjointY)]
    if try isConstant(1), !adjoint[0], try node.tensor(1).shape.count == 2 {
      return try linear(isTurned: adjoint[1])
    }
    var operands: [FloatArray] = []
    for position in 0..<2 {
      let own = try array(position)
      try node.require(own.shape.count >= 2, "of fewer than two axes")
      var order = Array(own.shape.indices)
      order.swapAt(order.count - 2, order.count - 1)
      operands.append(
        adjoint[position] ? try made(.transpose(order), [own], "/turned\(position)") : own)
    }
    try finish(try made(.matMul, try aligned(operands), ""))
  }

  /// Rows of features times a constant matrix, [F, O] or, where it is turned, [O, F].
  private mutating func linear(isTurned: Bool) throws(ImportError) {
    let matrix = try constant(1, "a matrix")
    let turn = Transposition(rows: matrix.shape[0], columns: matrix.shape[1])
    let layer = FloatGraph.Linear(
      weights: isTurned ? matrix.values : turn(matrix.values), bias: nil,
      outputFeatures: isTurned ? matrix.shape[0] : matrix.shape[1])
    try finish(try made(.linear(layer), [try array(0)], ""))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func batchMatMul() throws(ImportError) {
    typealias Field = TFLite.Options.BatchMatMul
    let types = [try node.tensor(0).type, try node.tensor(1).type]
    try node.support(!types.contains(.int16), "of int16")
    var first = try array(0)
    var second = try array(1)
    try node.support(
      builder[first.tensor].bits == 8 && builder[second.tensor].bits == 8, "of other than int8")
    try node.require(first.shape.count >= 2 && second.shape.count >= 2, "of fewer than two axes")
    if try node.flag(Field.adjointX) { first = turned(first) }
    if try node.flag(Field.adjointY) { second = turned(second) }
    let (rows, depth) = (first.shape[first.shape.count - 2], first.shape[first.shape.count - 1])
    let columns = second.shape[second.shape.count - 1]
    try node.require(
      second.shape[second.shape.count - 2] == depth, "\(first.shape) times \(second.shape)")
    let count = max(first.shape.count, second.shape.count) - 2
    let lists = [first, second].map {
      Array(repeating: 1, count: count + 2 - $0.shape.count) + $0.shape.dropLast(2)
    }
    let list = zip(lists[0], lists[1]).map { max($0, $1) }
    let left = try matrices(first, list, [rows, depth])
    let right = try matrices(second, list, [depth, columns])
    let output = try description(try node.output())
    var scale = try node.built { () throws(BuildError) in
      try builder.matrixProduct(of: [left, right], on: output.grid, within: output.grid.whole)
    }
    // XNNPACK takes a product where the second factor's zero point is 0.
    if builder.profile == .xnnpack, builder[right].zeroPoint == 0 {
      scale.rounding = builder.profile.mode(isFullyConnected: false)
    }
    let number = list.reduce(1, *)
    try finish(.batchMatMul(.init(scale)), [left, right], extent: [number, rows, columns])
  }

  /// With the last two axes in each other's place.
  private mutating func turned(_ source: ArrayView) -> ArrayView {
    var order = Array(source.shape.indices)
    order.swapAt(order.count - 2, order.count - 1)
    let last = builder.transpose(source, order: order)
    return builder.array(
      last, shape: order.map { source.shape[$0] },
      named: Self.derived(builder[source.tensor].name, "/turned"))
  }

  /// A list of matrices as [number][rows][columns], repeated where it is shorter.
  private mutating func matrices(
    _ source: ArrayView, _ list: [Int], _ matrix: [Int]
  ) throws(ImportError) -> Int {
    guard let number = TFLiteShape.elementCount(list),
      TFLiteShape.elementCount(list + matrix) != nil
    else { throw node.error("matrices of \(list + matrix)") }
    var tensor = source.tensor
    if source.shape.reduce(1, *) != number * matrix[0] * matrix[1] {
      let last = try node.built { () throws(BuildError) in
        try builder.broadcast(source, to: list + matrix)
      }
      tensor = builder.append(last, named: source.name)
    }
    return builder.viewed(tensor, as: [number] + matrix, named: source.name)
  }
}
