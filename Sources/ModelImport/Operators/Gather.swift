import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Elements of an activation picked by constant indices: GATHER, and what can be said by it.
extension OperatorRoom {
  static let gather = OperatorRoom(
    TFLiteRow(
      .gather, mayComputeShapes: true, takesPlainIntegers: true,
      float: { try $0.pick { try $0.gathered($1) } },
      integer: { try $0.pick { try $0.gathered($1) } }),
    TFLiteRow(
      .reverseV2, takesPlainIntegers: true, float: { try $0.pick { try $0.reversed($1) } },
      integer: { try $0.pick { try $0.reversed($1) } }),
    TFLiteRow(
      .mirrorPad, takesPlainIntegers: true, float: { try $0.pick { try $0.mirrored($1) } },
      integer: { try $0.pick { try $0.mirrored($1) } }))
}

/// Which elements of an axis are taken, in which order.
private typealias Picks = [(axis: Int, indices: [Int])]

extension TFLiteConverter {
  /// By a constant list of indices along one axis.
  fileprivate mutating func gathered(_ shape: [Int]) throws(ImportError) -> Picks {
    typealias Field = TFLite.Options.Gather
    let batch = try node.number(Field.batchDimensions, default: Int32(0))
    try node.support(batch == 0, "with batch dimensions")
    let declared = Int(try node.number(Field.axis, default: Int32(0)))
    let axis = declared < 0 ? declared + shape.count : declared
    try node.require(shape.indices.contains(axis), "axis \(declared) of \(shape.count)")
    let count = TFLiteShape.elementCount(try node.tensor(1).shape) ?? 0
    try claim(count, size: 16)
    let indices = try node.integers(1, "indices", atMost: count)
    try node.require(
      !indices.isEmpty && indices.allSatisfy { (0..<shape[axis]).contains($0) },
      "an index lies outside axis \(axis) of \(shape[axis]) elements")
    return [(axis, indices)]
  }

  fileprivate mutating func reversed(_ shape: [Int]) throws(ImportError) -> Picks {
    let axes = try node.integers(1, "the axes").map { $0 < 0 ? $0 &+ shape.count : $0 }
    try node.require(axes.allSatisfy(shape.indices.contains), "axes \(axes) of \(shape.count)")
    try claim(axes.reduce(0) { $0 + shape[$1] }, size: 16)
    return axes.map { ($0, Array((0..<shape[$0]).reversed())) }
  }

  /// What lies behind an edge is what lies as far before it: with the edge itself, or without.
  fileprivate mutating func mirrored(_ shape: [Int]) throws(ImportError) -> Picks {
    let mode = try node.number(TFLite.Options.MirrorPad.mode, default: Int8(0))
    try node.require((0...1).contains(mode), "an unknown mode")
    // REFLECT leaves the edge out, SYMMETRIC takes it.
    let edge = Int(mode)
    var picks: Picks = []
    for (axis, amount) in try node.paddingAmounts().enumerated() where amount != (0, 0) {
      let extent = shape[axis]
      let most = extent - 1 + edge
      try node.require(
        (0...most).contains(amount.before) && (0...most).contains(amount.after),
        "\(amount.before) and \(amount.after) elements around an axis of \(extent)")
      try claim(3 * extent, size: 16)
      let places = (-amount.before..<extent + amount.after).map { place in
        place < 0 ? -place - edge : place < extent ? place : 2 * extent - 2 - place + edge
      }
      picks.append((axis, places))
    }
    return picks
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func pick(
    _ choose: (inout Self, [Int]) throws -> Picks
  ) throws {
    let input = try array()
    var places = [[Int]?](repeating: nil, count: input.shape.count)
    for (axis, indices) in try choose(&self, input.shape) { places[axis] = indices }
    try finish(try picked(input, places))
  }

  /// The elements at these places of each axis; nil for all.
  mutating func picked(
    _ input: FloatArray, _ places: [[Int]?]
  ) throws(ImportError) -> FloatArray {
    places.allSatisfy { $0 == nil } ? input : try made(.gather(places), [input], "/picked")
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func pick(
    _ choose: (inout Self, [Int]) throws -> Picks
  ) throws {
    let output = try description(try node.output())
    let input = try array(like: output)
    let picks = try choose(&self, input.shape)
    if let only = picks.first, picks.count == 1 {
      return try finish(builder.gather(input, axis: only.axis, indices: only.indices))
    }
    try finish(pickedAlong(input, picks))
  }

  /// Elements along one axis after the other.
  private mutating func pickedAlong(
    _ source: ArrayView, _ picks: Picks
  ) -> LastOperation {
    var own = source
    var last = LastOperation(
      .reshape(.init()), [source.tensor], extent: builder[source.tensor].extent)
    for (position, pick) in picks.enumerated() {
      if position > 0 { own = builder.array(last, shape: own.shape, named: own.name) }
      last = builder.gather(own, axis: pick.axis, indices: pick.indices)
      own.shape[pick.axis] = pick.indices.count
    }
    return last
  }
}
