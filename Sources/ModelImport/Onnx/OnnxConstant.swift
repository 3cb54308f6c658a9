import CupelFloatGraph

/// A tensor whose elements are known at import: a weight, or an intermediate of shape arithmetic.
struct OnnxConstant: Sendable {
  enum Elements: Sendable {
    case floats([Float])
    /// int64, int32 and bool alike.
    case integers([SymbolicInteger])
  }

  /// ONNX's shape; empty for a scalar.
  var dimensions: [Int]
  var elements: Elements

  static let maximumRank = 8

  var count: Int {
    switch elements {
    case .floats(let values): values.count
    case .integers(let values): values.count
    }
  }

  /// Bytes that an element takes here.
  var elementSize: Int {
    switch elements {
    case .floats: MemoryLayout<Float>.stride
    case .integers: MemoryLayout<SymbolicInteger>.stride
    }
  }

  /// nil where the elements are integers.
  var floats: [Float]? {
    if case .floats(let values) = elements { values } else { nil }
  }

  /// nil where the elements are floats.
  var integers: [SymbolicInteger]? {
    if case .integers(let values) = elements { values } else { nil }
  }

  static func integers(_ values: [SymbolicInteger], dimensions: [Int]? = nil) -> OnnxConstant {
    OnnxConstant(dimensions: dimensions ?? [values.count], elements: .integers(values))
  }

  /// `count` elements picked by position, under a new shape.
  func picking(_ positions: some Sequence<Int>, count: Int, dimensions: [Int]) -> OnnxConstant {
    let elements: Elements
    switch self.elements {
    case .floats(let values): elements = .floats(Self.pick(values, positions, count))
    case .integers(let values): elements = .integers(Self.pick(values, positions, count))
    }
    return OnnxConstant(dimensions: dimensions, elements: elements)
  }

  private static func pick<Element>(
    _ values: [Element], _ positions: some Sequence<Int>, _ count: Int
  ) -> [Element] {
    var result: [Element] = []
    result.reserveCapacity(count)
    for position in positions { result.append(values[position]) }
    return result
  }

  /// Π dimensions, or nil if one is negative or the product, zeros left out, exceeds 2³¹: so
  /// products of some of the extents do not overflow either. Zero extents are legal.
  static func elementCount(_ dimensions: [Int]) -> Int? {
    guard dimensions.allSatisfy({ $0 >= 0 }) else { return nil }
    let product = ShapeArithmetic.elementCount(dimensions.map { max($0, 1) }, limit: 1 << 31)
    return dimensions.contains(0) ? product.map { _ in 0 } : product
  }

  /// Elements between neighbours along each axis; 0 along axes of extent 1, so that they broadcast.
  static func broadcastStrides(_ dimensions: [Int]) -> [Int] {
    var strides = [Int](repeating: 0, count: dimensions.count)
    var product = 1
    for axis in dimensions.indices.reversed() {
      strides[axis] = dimensions[axis] == 1 ? 0 : product
      product *= dimensions[axis]
    }
    return strides
  }
}

extension ImportBudget {
  /// Claims memory for a node's constants.
  mutating func claim(_ count: Int, size: Int, for node: ImportNode) throws(ImportError) {
    try node.require(
      claim(count, size: size), "constants take more memory than the file may ask for")
  }

  /// The same for a constant of a shape. Returns how many elements it has.
  mutating func claim(shape: [Int], size: Int, for node: ImportNode) throws(ImportError) -> Int {
    let count = OnnxConstant.elementCount(shape)
    try claim(count ?? -1, size: size, for: node)
    return count ?? 0
  }
}

/// Offsets origin + i · strides[0] + j · strides[1] + …, last axis fastest.
struct StridedPositions: Sequence, IteratorProtocol {
  private let dimensions, strides: [Int]
  private var index: [Int]
  private var position: Int
  private var isDone: Bool

  /// The largest and smallest offsets must be representable.
  init(dimensions: [Int], strides: [Int], origin: Int = 0) {
    self.dimensions = dimensions
    self.strides = strides
    index = [Int](repeating: 0, count: dimensions.count)
    position = origin
    isDone = dimensions.contains(0)
  }

  mutating func next() -> Int? {
    if isDone { return nil }
    let current = position
    var axis = dimensions.count - 1
    while axis >= 0 {
      index[axis] += 1
      if index[axis] < dimensions[axis] {
        position += strides[axis]
        return current
      }
      position -= strides[axis] * (dimensions[axis] - 1)
      index[axis] = 0
      axis -= 1
    }
    isDone = true
    return current
  }
}
