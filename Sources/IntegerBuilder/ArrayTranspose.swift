import CupelIntegerOperators
import CupelModelWriter

extension ProgramBuilder {
  /// The axes of an array in another order.
  ///
  /// - Parameter order: which axis of the array each axis of the result is, each once.
  public mutating func transpose(_ source: ArrayView, order: [Int]) -> LastOperation {
    let shape = source.shape
    let leading = max(shape.count - 3, 0)
    let missing = max(3 - shape.count, 0)
    let image = Array(repeating: 1, count: missing) + shape.dropFirst(leading)
    // As the tensor lies where only its last three axes change places.
    if shape[..<leading].allSatisfy({ $0 == 1 }), order[..<leading].allSatisfy({ $0 < leading }),
      self[source.tensor].extent == image
    {
      let axes = Array(0..<missing) + order[leading...].map { $0 - leading + missing }
      return LastOperation(
        .transpose(.init(axes: Axes(axes))), [source.tensor], extent: axes.map { image[$0] })
    }
    return swapped(source, blocks(source.shape, order))
  }

  /// What moves as one: extents in the array's order, and which of them the result has at each place.
  private func blocks(_ shape: [Int], _ order: [Int]) -> (extents: [Int], order: [Int]) {
    let moved = order.filter { shape[$0] != 1 }
    let kept = moved.sorted()
    // Places among the axes of more than one element.
    let places = moved.map { axis in kept.firstIndex(of: axis) ?? 0 }
    let heads = places.indices.filter { $0 == 0 || places[$0] != places[$0 - 1] + 1 }
    let runs = heads.enumerated().map { index, head in
      Array(places[head..<(index + 1 < heads.count ? heads[index + 1] : places.count)])
    }
    let sorted = runs.sorted { $0[0] < $1[0] }
    return (
      sorted.map { $0.reduce(1) { $0 * shape[kept[$1]] } },
      runs.map { run in sorted.firstIndex(of: run) ?? 0 }
    )
  }

  /// Up to three blocks change places at once. Of more, each that is not in its place yet comes there
  /// by a swap with those that stand before it.
  private mutating func swapped(
    _ source: ArrayView, _ blocks: (extents: [Int], order: [Int])
  ) -> LastOperation {
    let (extents, order) = blocks
    var last = LastOperation(.reshape(.init()), [source.tensor], extent: self[source.tensor].extent)
    guard order.count > 1 else { return last }
    if order.count <= 3 {
      let missing = 3 - order.count
      last = transposed(
        source.tensor, as: Array(repeating: 1, count: missing) + extents,
        Array(0..<missing) + order.map { $0 + missing }, source.name)
      return last
    }
    var (tensor, lying, isFirst) = (source.tensor, Array(order.indices), true)
    for (place, block) in order.enumerated() {
      guard let start = lying.firstIndex(of: block), start != place else { continue }
      // With all that follow it as they should.
      var end = start + 1
      while end < lying.count, lying[end] == order[place + end - start] { end += 1 }
      func count(_ range: Range<Int>) -> Int { lying[range].reduce(1) { $0 * extents[$1] } }
      let (front, passed) = (count(0..<place), count(place..<start))
      let (own, behind) = (count(start..<end), count(end..<lying.count))
      let swaps: [(view: [Int], axes: [Int])] =
        front == 1
        ? [([passed, own, behind], [1, 0, 2])]
        : behind == 1
          ? [([front, passed, own], [0, 2, 1])]
          : [
            ([front * passed, own, behind], [1, 0, 2]),
            ([own, front, passed * behind], [1, 0, 2]),
          ]
      for swap in swaps {
        if !isFirst { tensor = append(last, named: source.name) }
        last = transposed(tensor, as: swap.view, swap.axes, source.name)
        isFirst = false
      }
      let moved = lying[start..<end]
      lying.removeSubrange(start..<end)
      lying.insert(contentsOf: moved, at: place)
    }
    return last
  }

  private mutating func transposed(
    _ tensor: Int, as view: [Int], _ axes: [Int], _ name: String
  ) -> LastOperation {
    LastOperation(
      .transpose(.init(axes: Axes(axes))), [viewed(tensor, as: view, named: name)],
      extent: axes.map { view[$0] })
  }
}
