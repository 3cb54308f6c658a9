import CupelIntegerOperators
import CupelModelWriter

/// What a padding adds to one axis.
private struct PadAxis: AxisMove {
  var from, before, after: Int
  var to: Int { from + before + after }

  static func whole(_ count: Int) -> Self { Self(from: count, before: 0, after: 0) }

  func merged(with inner: Self) -> Self? {
    guard inner.from == inner.to else { return nil }
    let run = inner.from
    return Self(from: from * run, before: before * run, after: after * run)
  }
}

extension ProgramBuilder {
  /// An array with elements of one value around it.
  ///
  /// - Parameters:
  ///   - before: elements in front of each axis, 0 or more.
  ///   - after: elements behind each axis, 0 or more.
  ///   - value: on the array's grid.
  public mutating func pad(
    _ source: ArrayView, before: [Int], after: [Int], value: Int16
  ) -> LastOperation {
    let axes = source.shape.indices.map {
      PadAxis(from: source.shape[$0], before: before[$0], after: after[$0])
    }
    return moved(source, axes) { moves in
      .pad(.init(Axes(moves.map(\.before)), value: value))
    }
  }
}
