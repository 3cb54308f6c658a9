import CupelIntegerOperators
import CupelModelWriter

/// What an operation does along one axis. Neighbouring axes become one where one move says what two
/// do.
protocol AxisMove {
  /// Elements before and behind the operation.
  var from: Int { get }
  var to: Int { get }
  /// Leaves all elements of an axis as they are.
  static func whole(_ count: Int) -> Self
  /// What this and the next axis inwards do as one; nil where they must stay apart.
  func merged(with inner: Self) -> Self?
}

extension AxisMove {
  /// The moves of as few axes as there can be. An axis of one element that stays one is none.
  static func merged(_ moves: some Sequence<Self>) -> [Self] {
    var result: [Self] = []
    for move in moves where move.from != 1 || move.to != 1 {
      if let last = result.last, let both = last.merged(with: move) {
        result[result.count - 1] = both
      } else {
        result.append(move)
      }
    }
    return result
  }

  /// One move for each axis of an extent; nil where the extent joins axes that must stay apart.
  static func grouped(_ moves: [Self], of shape: [Int], as extent: [Int]) -> [Self]? {
    guard let groups = ProgramBuilder.groups(of: shape, as: extent) else { return nil }
    var result: [Self] = []
    for group in groups {
      let own = group.count == 1 ? Array(moves[group]) : merged(moves[group])
      guard own.count <= 1 else { return nil }
      result.append(own.first ?? .whole(1))
    }
    return result
  }
}

extension ProgramBuilder {
  /// The fewest operations that move an array along all its axes: one on the tensor as it lies where
  /// that can be, else one on a view of up to three axes, else a chain that takes the outer axes
  /// first.
  ///
  /// - Parameters:
  ///   - moves: of each axis.
  ///   - kind: the operation for moves of three axes.
  mutating func moved<Move: AxisMove>(
    _ source: ArrayView, _ moves: [Move], _ kind: ([Move]) -> IntegerOperation.Kind
  ) -> LastOperation {
    let extent = self[source.tensor].extent
    if let own = Move.grouped(moves, of: source.shape, as: extent) {
      return LastOperation(kind(own), [source.tensor], extent: own.map(\.to))
    }
    var (rest, tensor) = (Move.merged(moves), source.tensor)
    while rest.count > 3 {
      let behind = rest[2...].reduce(1) { $0 * $1.from }
      let own = [rest[0], rest[1], .whole(behind)]
      tensor = viewed(tensor, as: own.map(\.from), named: source.name)
      let step = LastOperation(kind(own), [tensor], extent: own.map(\.to))
      tensor = append(step, named: source.name)
      rest = Move.merged([.whole(own[0].to * own[1].to)] + rest[2...])
    }
    rest = Array(repeating: .whole(1), count: 3 - rest.count) + rest
    tensor = viewed(tensor, as: rest.map(\.from), named: source.name)
    return LastOperation(kind(rest), [tensor], extent: rest.map(\.to))
  }
}
