import CupelIntegerOperators
import CupelModelWriter

/// Whether a reduction leaves an axis.
private struct ReducedAxis: AxisMove {
  var from: Int
  var isReduced: Bool
  var to: Int { isReduced ? 1 : from }
  /// Elements of which one is left.
  var reduction: Int { from / to }

  static func whole(_ count: Int) -> Self { Self(from: count, isReduced: false) }

  func merged(with inner: Self) -> Self? {
    isReduced == inner.isReduced ? Self(from: from * inner.from, isReduced: isReduced) : nil
  }
}

extension ProgramBuilder {
  private func reducedAxes(_ source: ArrayView, _ axes: Set<Int>) -> [ReducedAxis] {
    source.shape.enumerated().map { ReducedAxis(from: $1, isReduced: axes.contains($0)) }
  }

  /// An array as [.., .., kept]: with what is reduced as its height and width.
  ///
  /// - Parameter axes: those that are reduced.
  public mutating func reducible(_ source: ArrayView, over axes: Set<Int>) -> Int {
    let moves = reducedAxes(source, axes)
    let extent = self[source.tensor].extent
    if let own = ReducedAxis.grouped(moves, of: source.shape, as: extent),
      own[..<2].allSatisfy({ $0.isReduced || $0.from == 1 }), own[2].to == own[2].from
    {
      return source.tensor
    }
    let order =
      source.shape.indices.filter(axes.contains)
      + source.shape.indices.filter {
        !axes.contains($0)
      }
    let count = axes.reduce(1) { $0 * source.shape[$1] }
    let last = transpose(source, order: order)
    var tensor = last.inputs[0]
    if case .reshape = last.kind {} else { tensor = append(last, named: source.name) }
    return viewed(tensor, as: [count, 1, self[tensor].elementCount / count], named: source.name)
  }

  /// The largest value along axes of an array.
  ///
  /// - Parameter axes: those that are reduced to one element.
  public mutating func maximum(_ source: ArrayView, over axes: Set<Int>) -> LastOperation {
    let moves = reducedAxes(source, axes)
    let extent = self[source.tensor].extent
    if let own = ReducedAxis.grouped(moves, of: source.shape, as: extent), own[2].from == own[2].to
    {
      return largest(source.tensor, rows: own[0].reduction, columns: own[1].reduction)
    }
    var (rest, tensor) = (ReducedAxis.merged(moves), source.tensor)
    var last: LastOperation?
    while let place = rest.firstIndex(where: \.isReduced) {
      if let last { tensor = append(last, named: source.name) }
      let before = rest[..<place].reduce(1) { $0 * $1.from }
      let view = [before, rest[place].from, self[tensor].elementCount / before / rest[place].from]
      tensor = viewed(tensor, as: view, named: source.name)
      last = largest(tensor, rows: 1, columns: view[1])
      rest.remove(at: place)
    }
    return last ?? LastOperation(.reshape(.init()), [tensor], extent: extent)
  }

  /// Of windows of the tensor's height or 1, and its width or 1.
  private func largest(_ tensor: Int, rows: Int, columns: Int) -> LastOperation {
    let extent = self[tensor].extent
    let window = PaddedWindow(rows: WindowAxis(kernel: rows), columns: WindowAxis(kernel: columns))
    return LastOperation(
      .maxPool(.init(window.integer)), [tensor],
      extent: [extent[0] - rows + 1, extent[1] - columns + 1, extent[2]])
  }

  /// The smallest value along axes of an array: the largest of the integers with all bits turned, which
  /// stand in the opposite order.
  ///
  /// - Parameter axes: those that are reduced to one element.
  /// - Returns: an operation that reads a tensor on another grid than it gives: the array's.
  public mutating func minimum(_ source: ArrayView, over axes: Set<Int>) -> LastOperation {
    let turning = IntegerOperation.Kind.lookup(.init(table: FunctionTable.identity.map { ~$0 }))
    let held = self[source.tensor]
    var grid = held.grid
    grid.zeroPoint = -1 - grid.zeroPoint
    var turned = source
    turned.tensor = append(
      source.name, turning, [source.tensor],
      giving: IntegerTensor(name: source.name, extent: held.extent, grid: grid))
    let largest = maximum(turned, over: axes)
    return LastOperation(
      turning, [append(largest, named: source.name)], extent: largest.extent)
  }
}
