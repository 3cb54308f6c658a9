import CupelIntegerOperators
import CupelModelWriter

extension ProgramBuilder {
  /// Arrays on one grid one after the other along an axis.
  ///
  /// - Parameters:
  ///   - parts: one or more, which differ in nothing but their extent along the axis.
  ///   - axis: of all of them.
  ///   - name: of what the tensors on the way are called after.
  public mutating func join(
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
    return join(tensors: tensors, axis: own ?? 1, named: name)
  }

  /// Tensors on one grid one after the other along an axis; of a single one, the same elements.
  ///
  /// - Parameters:
  ///   - tensors: one or more, which differ in nothing but their extent along the axis.
  ///   - axis: 0 height, 1 width, 2 channels.
  ///   - name: of what the tensors on the way are called after.
  public mutating func join(tensors: [Int], axis: Int, named name: String) -> LastOperation {
    var extent = self[tensors[0]].extent
    extent[axis] = tensors.reduce(0) { $0 + self[$1].extent[axis] }
    if tensors.count == 1 { return LastOperation(.reshape(.init()), tensors, extent: extent) }
    let parts = joinable(tensors, axis: axis, named: name)
    return LastOperation(.concatenate(.init(axis: axis)), parts, extent: extent)
  }

  /// The most tensors that one operation joins.
  public static var mostJoined: Int { Concatenate.mostInputs }

  /// As many parts as one operation joins: of more, neighbours are joined first.
  ///
  /// - Parameters:
  ///   - parts: tensors on one grid that differ in nothing but their extent along the axis.
  ///   - axis: 0 height, 1 width, 2 channels.
  ///   - name: of what the tensors that are made are called after.
  public mutating func joinable(_ parts: [Int], axis: Int, named name: String) -> [Int] {
    var parts = parts
    var level = 0
    while parts.count > Self.mostJoined {
      let groups = stride(from: 0, to: parts.count, by: Self.mostJoined)
      parts = groups.map { start in
        let group = parts[start..<min(start + Self.mostJoined, parts.count)]
        return joined(Array(group), axis: axis, named: "\(name)/parts\(level)-\(start)")
      }
      level += 1
    }
    return parts
  }

  /// The tensors as one, of a name; of a single one the tensor itself.
  mutating func joined(_ group: [Int], axis: Int, named name: String) -> Int {
    guard group.count > 1 else { return group[0] }
    var tensor = self[group[0]]
    tensor.name = name
    tensor.extent[axis] = group.reduce(0) { $0 + self[$1].extent[axis] }
    return append(name, .concatenate(.init(axis: axis)), group, giving: tensor)
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
