import CupelIntegerOperators
import CupelModelWriter

extension ProgramBuilder {
  /// Arrays on one grid one after the other along an axis.
  ///
  /// - Parameters:
  ///   - parts: one or more, which differ in nothing but their extent along the axis.
  ///   - axis: of all of them.
  ///   - name: of what the tensors on the way are called after.
  public mutating func concatenate(
    _ parts: [ArrayView], axis: Int, named name: String
  ) -> LastOperation {
    let places = Set(parts.map { place(of: axis, in: $0) })
    var (own, tensors) = (places.first ?? nil, parts.map(\.tensor))
    if places.count > 1 || own == nil {
      own = 1
      tensors = parts.map { part in
        let (before, behind) = (part.shape[..<axis], part.shape[(axis + 1)...])
        let view = [before.reduce(1, *), part.shape[axis], behind.reduce(1, *)]
        return viewed(part.tensor, as: view, named: part.name)
      }
    }
    let common = own ?? 1
    var extent = self[tensors[0]].extent
    extent[common] = tensors.reduce(0) { $0 + self[$1].extent[common] }
    if tensors.count == 1 { return LastOperation(.reshape(.init()), tensors, extent: extent) }
    tensors = joinable(tensors, axis: common, named: name)
    return LastOperation(.concatenate(.init(axis: common)), tensors, extent: extent)
  }

  /// The axis of the tensor that is the array's, perhaps with axes behind it; nil where others of
  /// more than one element stand before it there.
  private func place(of axis: Int, in part: ArrayView) -> Int? {
    guard let groups = Self.groups(of: part.shape, as: self[part.tensor].extent),
      let place = groups.firstIndex(where: { $0.contains(axis) })
    else { return nil }
    return part.shape[groups[place].lowerBound..<axis].allSatisfy { $0 == 1 } ? place : nil
  }
}
