import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// Images of another height and width.
extension OperatorRoom {
  static let resize = OperatorRoom(
    TFLiteRow(.resizeBilinear, integer: { try $0.resizeBilinear() }),
    TFLiteRow(.resizeNearestNeighbor, integer: { try $0.resizeNearest() }))
}

/// What a node makes of the rows and columns of [batch, height, width, channels].
private struct Resizing {
  let from, to: [Int]
  let alignsCorners, halfPixelCentres: Bool

  /// - Parameter fields: of the two options.
  init(_ node: TFLiteNode, fields: (corners: Int, halves: Int)) throws(ImportError) {
    from = try node.tensor(0).shape
    to = node.model.tensors[try node.output()].shape
    let size = try node.computesShape(1) ? nil : try node.integers(1, "a size")
    alignsCorners = try node.flag(fields.corners)
    halfPixelCentres = try node.flag(fields.halves)
    guard from.count == 4, to.count == 4, from[0] == to[0], from[3] == to[3],
      size ?? Array(to[1...2]) == Array(to[1...2])
    else { throw node.error("a size of \(size ?? []) from \(from) to \(to)") }
    try node.require(
      !alignsCorners || !halfPixelCentres, "aligns corners and takes pixels' middles at once")
  }

  /// Whole factors of all axes; nil where some axis has none.
  var factors: [Int]? {
    let factors = zip(from, to).map { $1 / $0 }
    return zip(factors, zip(from, to)).allSatisfy { $0 >= 1 && $0 * $1.0 == $1.1 } ? factors : nil
  }

  /// The element of an axis that is nearest to each of the output's, as TensorFlow Lite works it out
  /// in float32.
  func nearest(axis: Int) -> [Int] {
    let (own, count) = (from[axis], to[axis])
    let isAligned = alignsCorners && count > 1
    let scale = isAligned ? Float(own - 1) / Float(count - 1) : Float(own) / Float(count)
    let offset: Float = halfPixelCentres ? 0.5 : 0
    return (0..<count).map { index in
      let place = (Float(index) + offset) * scale
      let whole = alignsCorners ? place.rounded(.toNearestOrAwayFromZero) : place.rounded(.down)
      return max(min(Int(whole), own - 1), 0)
    }
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func resizeBilinear() throws(ImportError) {
    typealias Field = TFLite.Options.ResizeBilinear
    let resizing = try Resizing(node, fields: (Field.alignsCorners, Field.halfPixelCentres))
    let output = try description(try node.output())
    let own = try images().map { relabelled($0, like: output) }
    let kind = IntegerOperation.Kind.resizeBilinear(
      .init(
        alignsCorners: resizing.alignsCorners, halfPixelCentres: resizing.halfPixelCentres))
    try finish(each: own, extent: Array(resizing.to[1...])) { _, image in (kind, image) }
  }

  /// By whole factors every rule for centres picks the same pixels; that for corners does not.
  fileprivate mutating func resizeNearest() throws(ImportError) {
    typealias Field = TFLite.Options.ResizeNearestNeighbor
    let resizing = try Resizing(node, fields: (Field.alignsCorners, Field.halfPixelCentres))
    let output = try description(try node.output())
    var input = try array(like: output)
    let isSame = resizing.from == resizing.to
    if let factors = resizing.factors, isSame || !resizing.alignsCorners {
      return try enlarge(input, by: factors, wholeAxes: false)
    }
    try claim(resizing.to[1] + resizing.to[2], size: 16)
    let rows = builder.gather(input, axis: 1, indices: resizing.nearest(axis: 1))
    input.shape[1] = resizing.to[1]
    input = builder.array(rows, shape: input.shape, named: input.name)
    try finish(builder.gather(input, axis: 2, indices: resizing.nearest(axis: 2)))
  }
}
