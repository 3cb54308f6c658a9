import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Elements of an activation picked by constant indices: GATHER, and what can be said by it.
extension OperatorRoom {
  static let gather = OperatorRoom(
    TFLiteRow(.gather, mayComputeShapes: true, integer: { try $0.gather() }),
    TFLiteRow(.reverseV2, integer: { try $0.reverse() }),
    TFLiteRow(.mirrorPad, integer: { try $0.mirrorPad() }))
}

extension TFLiteIntegerConverter {
  fileprivate mutating func gather() throws(ImportError) {
    typealias Field = TFLite.Options.Gather
    let output = try description(try node.output())
    let input = try array(like: output)
    let batch = try node.number(Field.batchDimensions, default: Int32(0))
    try node.support(batch == 0, "with batch dimensions")
    let rank = input.shape.count
    let declared = Int(try node.number(Field.axis, default: Int32(0)))
    let axis = declared < 0 ? declared + rank : declared
    try node.require((0..<rank).contains(axis), "axis \(declared) of \(rank)")
    let extent = input.shape[axis]
    let count = TFLiteShape.elementCount(try node.tensor(1).shape) ?? 0
    try claim(count, size: 16)
    let indices = try node.integers(1, "indices", atMost: output.elementCount)
    try node.require(
      !indices.isEmpty && indices.allSatisfy { (0..<extent).contains($0) },
      "an index lies outside axis \(axis) of \(extent) elements")
    try finish(builder.gather(input, axis: axis, indices: indices))
  }

  fileprivate mutating func reverse() throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    let rank = input.shape.count
    let axes = try node.integers(1, "the axes").map { $0 < 0 ? $0 &+ rank : $0 }
    try node.require(axes.allSatisfy((0..<rank).contains), "axes \(axes) of \(rank)")
    try claim(axes.reduce(0) { $0 + input.shape[$1] }, size: 16)
    try finish(pickedAlong(input, axes.map { ($0, Array((0..<input.shape[$0]).reversed())) }))
  }

  /// What lies behind an edge is what lies as far before it: with the edge itself, or without.
  fileprivate mutating func mirrorPad() throws(ImportError) {
    let output = try description(try node.output())
    let input = try array(like: output)
    let mode = try node.number(TFLite.Options.MirrorPad.mode, default: Int8(0))
    try node.require((0...1).contains(mode), "an unknown mode")
    // REFLECT leaves the edge out, SYMMETRIC takes it.
    let edge = Int(mode)
    var picks: [(axis: Int, indices: [Int])] = []
    for (axis, amount) in try node.paddingAmounts().enumerated() where amount != (0, 0) {
      let extent = input.shape[axis]
      let most = extent - 1 + edge
      try node.require(
        (0...most).contains(amount.before) && (0...most).contains(amount.after),
        "\(amount.before) and \(amount.after) elements around an axis of \(extent)")
      try claim(3 * extent, size: 16)
      picks.append(
        (
          axis,
          (-amount.before..<extent + amount.after).map { place in
            place < 0 ? -place - edge : place < extent ? place : 2 * extent - 2 - place + edge
          }
        ))
    }
    try finish(pickedAlong(input, picks))
  }

  /// Elements along one axis after the other.
  private mutating func pickedAlong(
    _ source: ArrayView, _ picks: [(axis: Int, indices: [Int])]
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
