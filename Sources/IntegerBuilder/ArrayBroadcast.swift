import CupelIntegerOperators
import CupelModelWriter

/// How often a broadcast repeats one axis.
private struct RepeatedAxis: AxisMove {
  var from, to: Int

  static func whole(_ count: Int) -> Self { Self(from: count, to: count) }

  func merged(with inner: Self) -> Self? {
    let (staysWhole, repeatsOne) = (from == to && inner.from == inner.to, from * inner.from == 1)
    guard staysWhole || repeatsOne else { return nil }
    return Self(from: from * inner.from, to: to * inner.to)
  }
}

extension ProgramBuilder {
  /// An array repeated along its axes of one element, and along axes in front that it has not.
  ///
  /// - Parameter shape: as many axes as the array has, or more.
  /// - Throws: `BuildError.extent` where another axis than one of one element would become longer.
  public mutating func broadcast(
    _ source: ArrayView, to shape: [Int]
  ) throws(BuildError) -> LastOperation {
    let missing = shape.count - source.shape.count
    var own = source
    own.shape = Array(repeating: 1, count: max(missing, 0)) + source.shape
    guard missing >= 0, zip(own.shape, shape).allSatisfy({ $0 == $1 || $0 == 1 }) else {
      throw .extent(source.shape, repeatedTo: shape)
    }
    let axes = zip(own.shape, shape).map { RepeatedAxis(from: $0, to: $1) }
    return moved(own, axes) { _ in .broadcast(.init()) }
  }

  /// Each run of elements several times, one behind the other.
  ///
  /// - Parameters:
  ///   - run: elements of a run: those behind an axis repeat each of its elements, those from it on
  ///     the whole axis.
  ///   - times: 1 or more.
  ///   - names: of the tensor cut into runs, and of the result.
  public mutating func repeatRuns(
    _ tensor: Int, of run: Int, times: Int, named names: (cut: String, result: String)
  ) -> Int {
    let before = self[tensor].elementCount / run
    let cut = viewed(tensor, as: [before, 1, run], named: names.cut)
    let last = LastOperation(.broadcast(.init()), [cut], extent: [before, times, run])
    return append(last, named: names.result)
  }
}
