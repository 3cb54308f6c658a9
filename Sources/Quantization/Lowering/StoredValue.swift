import CupelFloatGraph
import CupelIntegerBuilder

/// Where a value of the float network lies in a program, and in which order.
///
/// The float network's elements are row-major. A tensor may hold them in another order: cut into
/// factors, neighbours along which lie next to each other, it has these in an order of its own. A
/// [C, H, W] with its channels last has the factors C and H · W, the second one first. A transpose
/// of the float network then only says so, and elements move where an operation wants them in an
/// order in which they do not lie.
package struct StoredValue: Equatable {
  /// Index into the program's tensors.
  package var tensor: Int
  /// Extents of the factors in the float network's order, none of them 1.
  private var factors: [Int]
  /// Which factor is at each place of the tensor.
  private var order: [Int]

  /// In the float network's own order.
  init(_ tensor: Int, rowMajor shape: [Int]) {
    self.init(tensor, factors: [shape.reduce(1, *)], order: [0])
  }

  /// [C, H, W] with its channels last; any other shape in its own order.
  init(_ tensor: Int, channelsLast shape: [Int]) {
    guard shape.count == 3 else {
      self.init(tensor, rowMajor: shape)
      return
    }
    self.init(tensor, factors: [shape[0], shape[1] * shape[2]], order: [1, 0])
  }

  /// In the fewest factors that say the same.
  private init(_ tensor: Int, factors: [Int], order: [Int]) {
    self.tensor = tensor
    let held = factors.indices.filter { factors[$0] != 1 }
    let places = order.filter { factors[$0] != 1 }
    (self.factors, self.order) = ([], [])
    // By factor, which of the new ones it is part of.
    var own = [Int](repeating: 0, count: factors.count)
    for (index, factor) in held.enumerated() {
      if index > 0, let place = places.firstIndex(of: factor), place > 0,
        places[place - 1] == held[index - 1]
      {
        own[factor] = own[held[index - 1]]
        self.factors[own[factor]] *= factors[factor]
      } else {
        own[factor] = self.factors.count
        self.factors.append(factors[factor])
      }
    }
    for factor in places where self.order.last != own[factor] { self.order.append(own[factor]) }
  }

  /// Whether elements lie in the float network's order.
  var isRowMajor: Bool { order.count < 2 }

  /// Whether the elements lie in the same order.
  func liesLike(_ other: StoredValue) -> Bool { factors == other.factors && order == other.order }

  /// The tensor's elements as an array of the factors at their places.
  func array(named name: String) -> ArrayView {
    let shape = isRowMajor ? [factors.first ?? 1] : order.map { factors[$0] }
    return ArrayView(tensor, shape: shape, name: name)
  }

  /// Which places of the tensor the factors are at, in the float network's order.
  var rowMajorOrder: [Int] { factors.indices.compactMap { order.firstIndex(of: $0) } }

  /// The place in the float network's order of each element of the tensor.
  var places: [Int] {
    var strides = [Int](repeating: 1, count: factors.count)
    for factor in factors.indices.dropLast().reversed() {
      strides[factor] = strides[factor + 1] * factors[factor + 1]
    }
    return order.reduce([0]) { starts, factor in
      starts.flatMap { start in (0..<factors[factor]).map { start + $0 * strides[factor] } }
    }
  }

  /// The same with factors that no axis of a shape cuts through, and which of them each axis is made
  /// of; nil where an axis cuts a factor into no whole parts.
  private func cut(by shape: [Int]) -> (cut: (factors: [Int], order: [Int]), axes: [[Int]])? {
    var parts = [[Int]](repeating: [], count: factors.count)
    var (axes, result) = ([[Int]](repeating: [], count: shape.count), [Int]())
    var (factor, rest) = (0, factors.first ?? 1)
    for (axis, extent) in shape.enumerated() {
      var open = extent
      while open > 1 {
        if rest == 1 {
          factor += 1
          guard factor < factors.count else { return nil }
          rest = factors[factor]
        }
        let part = min(open, rest)
        guard open % part == 0, rest % part == 0 else { return nil }
        parts[factor].append(result.count)
        axes[axis].append(result.count)
        result.append(part)
        open /= part
        rest /= part
      }
    }
    return ((result, order.flatMap { parts[$0] }), axes)
  }

  /// The value with its axes in another order, which moves no element; nil where they cut factors
  /// into no whole parts.
  func transposed(_ shape: [Int], order axesOrder: [Int]) -> StoredValue? {
    guard let (own, axes) = cut(by: shape) else { return nil }
    let logical = axesOrder.flatMap { axes[$0] }
    var place = [Int](repeating: 0, count: logical.count)
    for (index, factor) in logical.enumerated() { place[factor] = index }
    return StoredValue(
      tensor, factors: logical.map { own.factors[$0] }, order: own.order.map { place[$0] })
  }

  /// What brings the elements into the order in which axes of the shape lie one behind the other:
  /// the tensor as an array, and which of its axes come in which order. The order is nil where they
  /// lie so already; all of it is nil where axes cut factors into no whole parts.
  func move(
    _ shape: [Int], to wanted: [Int], named name: String
  ) -> (array: ArrayView, order: [Int]?)? {
    guard let (own, axes) = cut(by: shape) else { return nil }
    let target = wanted.flatMap { axes[$0] }
    let array = ArrayView(tensor, shape: own.order.map { own.factors[$0] }, name: name)
    if target == own.order { return (array, nil) }
    return (array, target.compactMap { own.order.firstIndex(of: $0) })
  }

  /// The value in a tensor in which axes of its shape lie in an order.
  static func lying(_ tensor: Int, _ shape: [Int], in wanted: [Int]) -> StoredValue {
    StoredValue(tensor, factors: shape, order: wanted)
  }
}

/// The order in which an operation wants the elements of what it reads, and gives its own.
package enum StorageOrder: Equatable, Sendable {
  /// [C, H, W] as height, width, channels; features as they are.
  case channelsLast
  /// As the float network has them.
  case rowMajor
  /// As the float network has them, but one axis behind all others.
  case last(Int)
  /// As they lie: it treats each element by itself.
  case asStored
  /// Channels last where that is how an image lies, else row-major.
  case either

  /// Which axes of a shape lie one behind the other.
  func axes(_ rank: Int) -> [Int] {
    switch self {
    case .channelsLast where rank == 3: [1, 2, 0]
    case .last(let axis): Array(0..<rank).filter { $0 != axis } + [axis]
    default: Array(0..<rank)
    }
  }
}
