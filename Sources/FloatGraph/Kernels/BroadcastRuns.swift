/// How two activations of one rank lie over each other where axes of one element repeat: runs
/// along which both go on by one element, or one of them stands still.
struct BroadcastRuns: Sendable {
  /// Where each run starts in the two activations, in the order of the result.
  private let lefts, rights: [Int]
  /// Elements of a run.
  let length: Int
  /// From one element of a run to the next: 1, or 0 for what stands still.
  let leftStep, rightStep: Int
  private let leftStride, rightStride, stride: Int

  /// - Parameters: shapes of one rank, on each axis of one extent or of 1.
  init(_ left: [Int], _ right: [Int]) {
    let whole = zip(left, right).map(max)
    var axes: [(extent: Int, left: Int, right: Int)] = []
    var (leftStep, rightStep) = (1, 1)
    for axis in whole.indices.reversed() where whole[axis] > 1 {
      let own = (left[axis] == 1 ? 0 : leftStep, right[axis] == 1 ? 0 : rightStep)
      if let last = axes.last, own == (last.left * last.extent, last.right * last.extent) {
        axes[axes.count - 1].extent *= whole[axis]
      } else {
        axes.append((whole[axis], own.0, own.1))
      }
      leftStep *= left[axis]
      rightStep *= right[axis]
    }
    let inner = axes.first ?? (1, 1, 1)
    var (lefts, rights) = ([0], [0])
    for axis in axes.dropFirst().reversed() {
      lefts = lefts.flatMap { start in (0..<axis.extent).map { start + $0 * axis.left } }
      rights = rights.flatMap { start in (0..<axis.extent).map { start + $0 * axis.right } }
    }
    (self.lefts, self.rights, length) = (lefts, rights, inner.extent)
    (self.leftStep, self.rightStep) = (inner.left, inner.right)
    leftStride = left.reduce(1, *)
    rightStride = right.reduce(1, *)
    stride = whole.reduce(1, *)
  }

  /// Calls `body` with where each run starts in the two activations and in the result.
  @inline(__always)
  func forEach(_ images: Int, _ body: (_ left: Int, _ right: Int, _ result: Int) -> Void) {
    for image in 0..<images {
      var result = image * stride
      for index in lefts.indices {
        body(lefts[index] + image * leftStride, rights[index] + image * rightStride, result)
        result += length
      }
    }
  }
}
