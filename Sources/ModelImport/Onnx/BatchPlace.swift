import CupelFloatGraph

/// Where a tensor of a file has the batch axis, which a float graph's values have in front and
/// leave out of their shapes.
struct BatchPlace: Equatable, Sendable {
  /// The axis in the file's tensor; nil where a batch of 1 has been left out of its shape.
  var axis: Int?
  /// Whether the same axis of the file also holds the value's own axis of that number, which then
  /// lies within an image: N · extent elements.
  var isMerged = false

  static let first = BatchPlace(axis: 0)
  static let none = BatchPlace(axis: nil)

  /// Whether the file has an axis that the value has not.
  var isOwnAxis: Bool { axis != nil && !isMerged }
}

/// An activation as a node of the file sees it.
struct PlacedValue: Sendable {
  /// Index into the graph's values, and the shape there.
  let value: Int
  let shape: [Int]
  let place: BatchPlace

  /// Axes of the file's tensor.
  var rank: Int { shape.count + (place.isOwnAxis ? 1 : 0) }

  /// Which of the value's axes an axis of the file is; nil for one that is, or holds, the batch.
  func axis(_ axis: Int) -> Int? {
    guard let batch = place.axis else { return axis }
    if axis == batch { return nil }
    return place.isMerged || axis < batch ? axis : axis - 1
  }

  /// The file's shape, which may depend on the batch size.
  var dimensions: [SymbolicInteger] {
    var result = shape.map { SymbolicInteger($0) }
    guard let axis = place.axis else { return result }
    if place.isMerged {
      result[axis] = SymbolicInteger.batch.multiplied(by: result[axis]) ?? .batch
    } else {
      result.insert(.batch, at: axis)
    }
    return result
  }

  /// Elements of an image that lie before the batch axis in the file's order.
  var elementsBeforeBatch: Int { shape.prefix(place.axis ?? 0).reduce(1, *) }
}

extension OnnxConverter {
  /// An input that must be an activation, wherever its batch axis is.
  mutating func placed(_ index: Int = 0) throws(ImportError) -> PlacedValue {
    guard case .activation(let value) = try binding(index) else {
      throw node.unsupported("input \(index) is a constant")
    }
    return placed(value: value)
  }

  func placed(value: Int) -> PlacedValue {
    PlacedValue(
      value: value, shape: graph.values[value].shape, place: places[value] ?? .first)
  }

  /// Appends a node whose value has its batch axis in a given place.
  mutating func append(
    _ operation: FloatGraph.Operation, inputs: [Int], shape: [Int]? = nil, at place: BatchPlace
  ) throws(ImportError) -> Binding {
    .activation(try step(operation, inputs, shape: shape, at: place, named: nil))
  }

  /// One of several nodes that a node of the file becomes. Returns the value's index.
  ///
  /// - Parameter suffix: of its name; nil for the last one.
  mutating func step(
    _ operation: FloatGraph.Operation, _ inputs: [Int], shape: [Int]? = nil, at place: BatchPlace,
    named suffix: String?
  ) throws(ImportError) -> Int {
    if place == .first, shape == nil,
      let value = try stepOnImages(operation, inputs, named: suffix)
    {
      return value
    }
    let suffix = suffix.map { "/" + $0 } ?? ""
    let value = try node.obeying { () throws(RuleViolation) in
      try graph.append(
        operation, named: node.name + suffix, value: (node.outputs.first ?? node.name) + suffix,
        inputs: inputs, shape: shape)
    }
    if place != .first { places[value] = place }
    note(value, of: operation, inputs)
    return value
  }

  /// The same elements under another shape, where it is another one.
  mutating func reshaped(
    _ source: PlacedValue, to shape: [Int], at place: BatchPlace, named suffix: String?
  ) throws(ImportError) -> Int {
    if shape == source.shape, place == source.place { return source.value }
    return try step(.reshape, [source.value], shape: shape, at: place, named: suffix)
  }

  /// A function of one number.
  mutating func unary(_ function: FloatGraph.Operation) throws(ImportError) -> Binding {
    if case .constant(let constant) = try binding(0),
      let function = function.base as? any ElementwiseOperator
    {
      return try folded(function, constant)
    }
    let input = try placed()
    return try append(function, inputs: [input.value], at: input.place)
  }

  /// An axis of the file, counted from the front.
  func fileAxis(_ declared: Int, rank: Int) throws(ImportError) -> Int {
    let axis = declared < 0 ? declared &+ rank : declared
    try node.require((0..<rank).contains(axis), "axis \(declared) of \(rank)")
    return axis
  }

  /// One of a value's axes, by the file's number for it.
  func axis(_ declared: Int, of source: PlacedValue) throws(ImportError) -> Int {
    let axis = try fileAxis(declared, rank: source.rank)
    guard let own = source.axis(axis) else {
      throw node.unsupported("along axis \(declared), which is the batch axis")
    }
    return own
  }

  // MARK: Operands

  /// What stands at an input of an operator that joins its inputs element by element.
  enum Operand {
    case activation(PlacedValue)
    case constant([Float], dimensions: [Int])
  }

  mutating func operand(_ index: Int) throws(ImportError) -> Operand {
    if case .activation(let value) = try binding(index) { return .activation(placed(value: value)) }
    guard let (values, shape) = try weights(index) else {
      throw node.error("input \(index) is missing")
    }
    return .constant(values, dimensions: shape)
  }

  /// Operands brought to one rank, as the file's shapes broadcast: their last axes lie over each
  /// other. Returns their values and where the batch axis of the result is.
  ///
  /// - Throws: `ImportError` where their batch axes do not lie over each other.
  mutating func aligned(
    _ operands: [Operand]
  ) throws(ImportError) -> (values: [Int], place: BatchPlace) {
    let rank = operands.map(\.rank).max() ?? 0
    try node.require(rank <= OnnxConstant.maximumRank, "has more than 8 axes")
    var place = BatchPlace.none
    for case .activation(let value) in operands {
      guard let axis = value.place.axis else { continue }
      let own = BatchPlace(axis: axis + rank - value.rank, isMerged: value.place.isMerged)
      guard place == .none || place == own else {
        throw node.unsupported("on activations whose batch axes are different ones")
      }
      place = own
    }
    var values: [Int] = []
    for (index, operand) in operands.enumerated() {
      values.append(try aligned(operand, rank: rank, at: place, index: index))
    }
    return (values, place)
  }

  private mutating func aligned(
    _ operand: Operand, rank: Int, at place: BatchPlace, index: Int
  ) throws(ImportError) -> Int {
    let missing = [Int](repeating: 1, count: rank - operand.rank)
    switch operand {
    case .activation(let value):
      var shape = missing + value.shape
      if value.place.axis == nil, place.isOwnAxis, let axis = place.axis {
        try node.support(
          shape[axis] == 1, "an activation of other extent than 1 along the batch axis")
        shape.remove(at: axis)
      }
      return try reshaped(value, to: shape, at: place, named: "operand\(index)")
    case .constant(let values, let dimensions):
      var shape = missing + dimensions
      if let axis = place.axis {
        try node.support(shape[axis] == 1, "a constant that differs from image to image")
        if place.isOwnAxis { shape.remove(at: axis) }
      }
      return try constant(values, shape: shape, at: place, named: "constant\(index)")
    }
  }

  /// A value that is the same for every image.
  mutating func constant(
    _ values: [Float], shape: [Int], at place: BatchPlace, named suffix: String?
  ) throws(ImportError) -> Int {
    try node.support(!shape.isEmpty, "a constant without axes")
    return try step(
      .constant(.init(values: values, shape: shape)), [graph.input], at: place, named: suffix)
  }
}

extension OnnxConverter.Operand {
  /// Axes in the file.
  var rank: Int {
    switch self {
    case .activation(let value): value.rank
    case .constant(_, let dimensions): dimensions.count
    }
  }
}
