/// Row-major walk over all axes but the last: the offset of each row of a box inside a larger one.
enum RowOffsets {
  /// Elements from the outer box's start to each row's start, in the rows' order.
  static func offsets(extents: [Int], strides: [Int], origin: Int) -> [Int] {
    var offsets = [origin]
    for (extent, stride) in zip(extents, strides) {
      offsets = offsets.flatMap { base in (0..<extent).map { base + $0 * stride } }
    }
    return offsets
  }

  /// Elements between neighbours along each axis of a row-major box.
  static func strides(_ shape: [Int]) -> [Int] {
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * shape[axis + 1]
    }
    return strides
  }
}
