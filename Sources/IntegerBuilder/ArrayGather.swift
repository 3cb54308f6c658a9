import CupelIntegerOperators
import CupelModelWriter

extension ProgramBuilder {
  /// Elements of an array along one axis, in any order and number. Those that lie equally far apart,
  /// in their order, are a slice.
  ///
  /// - Parameters:
  ///   - axis: of the array.
  ///   - indices: one or more, each of an element of the axis.
  public mutating func gather(
    _ source: ArrayView, axis: Int, indices: [Int]
  ) -> LastOperation {
    let count = source.shape[axis]
    let step = indices.count > 1 ? indices[1] - indices[0] : 1
    if step > 0, indices.enumerated().allSatisfy({ $1 == indices[0] + step * $0 }) {
      var axes = source.shape.map { SliceAxis(of: $0) }
      axes[axis] = SliceAxis(of: count, start: indices[0], step: step, count: indices.count)
      return slice(source, axes)
    }
    let before = source.shape[..<axis].reduce(1, *)
    let run = source.shape[(axis + 1)...].reduce(1, *)
    let extent = self[source.tensor].extent
    // As the tensor lies where the axis is one of its own.
    let own = (0..<3).first { place in
      extent[place] == count && extent[..<place].reduce(1, *) == before
    }
    let view = own == nil ? [before, count, run] : extent
    let tensor = viewed(source.tensor, as: view, named: source.name)
    var given = view
    given[own ?? 1] = indices.count
    return LastOperation(
      .gather(.init(axis: own ?? 1, indices: indices)), [tensor], extent: given)
  }
}
