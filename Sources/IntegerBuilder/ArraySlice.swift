import CupelIntegerOperators
import CupelModelWriter

/// What a slice takes of one axis.
public struct SliceAxis: Sendable, Equatable, AxisMove {
  /// Elements of the axis.
  public var from: Int
  /// Index of the first element that is taken, and how many are.
  public var start, to: Int
  /// From one element to the next, 1 or more.
  public var step: Int

  /// - Parameters:
  ///   - count: of elements that are taken; nil for all.
  ///   - from: of elements that there are.
  public init(of from: Int, start: Int = 0, step: Int = 1, count: Int? = nil) {
    (self.from, self.start, self.step, to) = (from, start, step, count ?? from)
  }

  static func whole(_ count: Int) -> Self { Self(of: count) }

  func merged(with inner: Self) -> Self? {
    guard inner.from == inner.to, step == 1 || to == 1 else { return nil }
    let run = inner.from
    return Self(of: from * run, start: start * run, count: to * run)
  }
}

extension ProgramBuilder {
  /// Some elements of an array.
  ///
  /// - Parameter axes: one for each axis of the array; none takes an element that is not there.
  public mutating func slice(_ source: ArrayView, _ axes: [SliceAxis]) -> LastOperation {
    moved(source, axes) { moves in
      .slice(.init(start: Axes(moves.map(\.start)), step: Axes(moves.map(\.step))))
    }
  }
}
