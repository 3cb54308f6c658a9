/// The rows of a box inside a larger one, both row-major: what a slice takes and padding surrounds,
/// or a box's own elements in another order of axes.
struct BoxRows: Sendable {
  /// From the outer box's start to each row's start, in the rows' order.
  private let offsets: [Int]
  private let length, step: Int
  private let innerStride, outerStride: Int

  /// - Parameters:
  ///   - start: of the inner box on each axis of the outer one.
  ///   - step: between neighbours along each axis.
  init(of inner: [Int], in outer: [Int], start: [Int], step: [Int]) {
    var strides = [Int](repeating: 1, count: outer.count)
    for axis in outer.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * outer[axis + 1]
    }
    // A step along an axis of one element is never taken, and may be as large as the file says.
    self.init(
      inner,
      steps: inner.indices.map { inner[$0] > 1 ? strides[$0] * step[$0] : 1 },
      origin: zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 }, outerCount: outer.reduce(1, *))
  }

  /// - Parameters:
  ///   - order: which of the outer box's axes each axis of the inner one is.
  init(_ outer: [Int], order: [Int]) {
    var strides = [Int](repeating: 1, count: outer.count)
    for axis in outer.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * outer[axis + 1]
    }
    self.init(
      order.map { outer[$0] }, steps: order.map { strides[$0] }, origin: 0,
      outerCount: outer.reduce(1, *))
  }

  private init(_ inner: [Int], steps: [Int], origin: Int, outerCount: Int) {
    var offsets = [origin]
    for axis in inner.indices.dropLast() where inner[axis] > 1 {
      offsets = offsets.flatMap { base in (0..<inner[axis]).map { base + $0 * steps[axis] } }
    }
    self.offsets = offsets
    (length, step) = (inner[inner.count - 1], steps[steps.count - 1])
    (innerStride, outerStride) = (inner.reduce(1, *), outerCount)
  }

  /// Copies the rows out of the outer boxes.
  func gather(
    _ images: Int, from outer: UnsafePointer<Float>, to inner: UnsafeMutablePointer<Float>
  ) {
    forEachRow(images) { innerStart, outerStart in
      let (target, source) = (inner + innerStart, outer + outerStart)
      if step == 1 {
        target.update(from: source, count: length)
      } else {
        for index in 0..<length { target[index] = source[index &* step] }
      }
    }
  }

  /// Copies the rows to where they lie in the outer boxes.
  func scatter(
    _ images: Int, from inner: UnsafePointer<Float>, to outer: UnsafeMutablePointer<Float>
  ) {
    forEachRow(images) { innerStart, outerStart in
      let (target, source) = (outer + outerStart, inner + innerStart)
      if step == 1 {
        target.update(from: source, count: length)
      } else {
        for index in 0..<length { target[index &* step] = source[index] }
      }
    }
  }

  @inline(__always)
  private func forEachRow(_ images: Int, _ body: (_ inner: Int, _ outer: Int) -> Void) {
    var inner = 0
    for image in 0..<images {
      for offset in offsets {
        body(inner, image * outerStride + offset)
        inner += length
      }
    }
  }
}
