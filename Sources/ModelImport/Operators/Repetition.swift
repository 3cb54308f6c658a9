import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Elements, or whole axes, several times.
extension OperatorRoom {
  static let repetition = OperatorRoom(
    TFLiteRow(.broadcastTo, mayComputeShapes: true, integer: { try $0.repeatAxes() }),
    TFLiteRow(.tile, mayComputeShapes: true, integer: { try $0.tile() }),
    TFLiteRow(.resizeNearestNeighbor, integer: { try $0.resizeNearest() }))
}

extension TFLiteIntegerConverter {
  /// How many times as large each axis is behind the node.
  private func factors(
    _ extent: [Int], _ output: IntegerTensor
  ) throws(ImportError) -> [Int] {
    for (own, wanted) in zip(extent, output.extent) where wanted % own != 0 {
      throw node.unsupported("from \(extent) to \(output.extent), which is no multiple of it")
    }
    return zip(extent, output.extent).map { $1 / $0 }
  }

  /// Only axes of one element become larger.
  fileprivate mutating func repeatAxes() throws(ImportError) {
    let output = try description(try node.output())
    let input = relabelled(try activation(), like: output)
    let extent = builder[input].extent
    for (own, wanted) in zip(extent, output.extent) where own != wanted && own != 1 {
      throw node.error("cannot repeat \(extent) to \(output.extent)")
    }
    if extent == output.extent {
      return try finish(.reshape(.init()), [input], extent: extent)
    }
    try finish(.broadcast(.init()), [input], extent: output.extent)
  }

  fileprivate mutating func tile() throws(ImportError) {
    let output = try description(try node.output())
    let input = relabelled(try activation(), like: output)
    let factors = try factors(builder[input].extent, output)
    let stated = try node.integers(1, "how often each axis is repeated")
    let rank = try node.tensor(0).shape.count
    try node.require(
      stated.count == rank
        && Array(repeating: 1, count: max(3 - rank, 0)) + stated.suffix(3) == factors
        && stated.dropLast(3).allSatisfy({ $0 == 1 }),
      "\(stated) times \(builder[input].extent) is not \(output.extent)")
    try enlarge(input, by: factors, wholeAxes: true)
  }

  /// By whole factors every rule for centres picks the same pixels; that for corners does not.
  fileprivate mutating func resizeNearest() throws(ImportError) {
    let output = try description(try node.output())
    let input = relabelled(try activation(), like: output)
    let extent = builder[input].extent
    let factors = try factors(extent, output)
    let size = try node.integers(1, "a size")
    try node.require(
      size == Array(output.extent[..<2]) && factors[2] == 1,
      "a size of \(size) from \(extent) to \(output.extent)")
    let alignsCorners = try node.flag(TFLite.Options.ResizeNearestNeighbor.alignsCorners)
    try node.support(!alignsCorners || factors == [1, 1, 1], "with its corners aligned")
    try enlarge(input, by: factors, wholeAxes: false)
  }

  /// Repeats runs of elements axis by axis, each as the middle of [before, 1, run].
  ///
  /// - Parameter wholeAxes: whether an axis follows itself, or each of its elements does.
  private mutating func enlarge(
    _ input: Int, by factors: [Int], wholeAxes: Bool
  ) throws(ImportError) {
    var tensor = input
    var extent = builder[input].extent
    for axis in (0..<3).reversed() where factors[axis] != 1 {
      let cut = wholeAxes ? axis : axis + 1
      let (before, run) = (extent[..<cut].reduce(1, *), extent[cut...].reduce(1, *))
      tensor = shaped(tensor, [before, 1, run], "/runs\(axis)")
      tensor = made(.broadcast(.init()), [tensor], [before, factors[axis], run], "/times\(axis)")
      extent[axis] *= factors[axis]
    }
    try finish(.reshape(.init()), [tensor], extent: extent)
  }
}
