import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// The same elements in the same order under another shape.
extension OperatorRoom {
  static let reshape = OperatorRoom(
    OnnxRow(
      "Flatten", ["axis"], float: { try $0.flatten() }, quantized: { try $0.adoptUnchanged() }),
    OnnxRow(
      "Reshape", ["allowzero", "shape"], float: { try $0.reshape() },
      quantized: { try $0.adoptUnchanged() }),
    OnnxRow(
      "Squeeze", ["axes"], float: { try $0.squeeze() }, quantized: { try $0.adoptUnchanged() }),
    OnnxRow(
      "Unsqueeze", ["axes"], float: { try $0.unsqueeze() }, quantized: { try $0.adoptUnchanged() }),
    TFLiteRow(
      .reshape, mayComputeShapes: true, float: { try $0.reshape() }, integer: { try $0.reshape() }),
    TFLiteRow(.squeeze, float: { try $0.reshape() }, integer: { try $0.reshape() }),
    TFLiteRow(
      .expandDims, float: { try $0.reshape() },
      integer: {
        try $0.requireOneGrid()
        try $0.reshape()
      }))
}

extension OnnxConverter {
  fileprivate mutating func reshape() throws(ImportError) -> Binding {
    guard let target = try target() else { throw node.error("has no target shape") }
    let copiesZero = !(try node.flag("allowzero"))
    switch try binding(0) {
    case .activation(let value):
      let shape = graph.values[value].shape
      let output = try reshaped(shape, to: target, copiesZero: copiesZero)
      return try append(.reshape, inputs: [value], shape: output)
    case .constant(var constant):
      constant.dimensions = try reshaped(constant, to: target, copiesZero: copiesZero)
      return .constant(constant)
    default: return .unknown
    }
  }

  private mutating func target() throws(ImportError) -> [SymbolicInteger]? {
    if let shape = try node.integers("shape") { return shape.map { SymbolicInteger($0) } }
    guard let constant = try constant(1) else { return nil }
    guard case .integers(let values) = constant.elements, constant.dimensions.count == 1,
      values.count <= OnnxConstant.maximumRank
    else { throw node.error("the target shape is not a list of at most 8 integers") }
    return values
  }

  /// The shape without batch that a target, batch first, gives an activation.
  private func reshaped(
    _ shape: [Int], to target: [SymbolicInteger], copiesZero: Bool
  ) throws(ImportError) -> [Int] {
    guard let first = target.first, target.count >= 2 else {
      throw node.unsupported("reshape that drops the batch axis")
    }
    let infersBatch = first.known == -1
    let keepsBatch =
      first == .batch || (first.known == 0 && copiesZero)
      || (first.known != nil && first.known == fixedBatch)
    try node.support(keepsBatch || infersBatch, "reshape that does not leave the batch axis first")
    var output: [Int] = []
    for (axis, extent) in target.enumerated().dropFirst() {
      guard let extent = extent.known else {
        throw node.unsupported("reshape that moves the batch axis")
      }
      if extent == 0, copiesZero {
        try node.require(axis <= shape.count, "axis \(axis) has nothing to copy")
        output.append(shape[axis - 1])
      } else {
        output.append(extent)
      }
    }
    return try resolved(output, elements: shape.reduce(1, *), mayInfer: !infersBatch)
  }

  private func reshaped(
    _ constant: OnnxConstant, to target: [SymbolicInteger], copiesZero: Bool
  ) throws(ImportError) -> [Int] {
    var output: [Int] = []
    for (axis, extent) in target.enumerated() {
      guard let extent = extent.known else {
        throw node.unsupported("reshape of a constant by the batch size")
      }
      let copies = extent == 0 && copiesZero && constant.dimensions.indices.contains(axis)
      output.append(copies ? constant.dimensions[axis] : extent)
    }
    return try resolved(output, elements: constant.count, mayInfer: true)
  }

  /// `shape` with at most one −1 replaced, so that it holds `elements`.
  private func resolved(
    _ shape: [Int], elements: Int, mayInfer: Bool
  ) throws(ImportError) -> [Int] {
    let mismatch = node.error("\(elements) elements cannot take shape \(shape)")
    guard let open = shape.firstIndex(of: -1) else {
      guard OnnxConstant.elementCount(shape) == elements else { throw mismatch }
      return shape
    }
    var result = shape
    result[open] = 1
    guard mayInfer, let rest = OnnxConstant.elementCount(result), rest > 0, elements % rest == 0
    else { throw mismatch }
    result[open] = elements / rest
    return result
  }

  fileprivate mutating func flatten() throws(ImportError) -> Binding {
    let (value, shape) = try activation()
    let rank = shape.count + 1
    let declared = try node.integer("axis") ?? 1
    let axis = declared < 0 ? declared &+ rank : declared
    guard (1...rank).contains(axis), shape[..<(axis - 1)].allSatisfy({ $0 == 1 }) else {
      throw node.unsupported("flatten at axis \(declared), which takes in the batch axis")
    }
    return try append(.reshape, inputs: [value], shape: [shape.reduce(1, *)])
  }

  fileprivate mutating func squeeze() throws(ImportError) -> Binding {
    let declared = try integers(attribute: "axes", input: 1)
    switch try binding(0) {
    case .activation(let value):
      let shape = graph.values[value].shape
      try node.support(declared != nil || fixedBatch != 1, "squeeze of the batch axis")
      let axes = try declared.map { list throws(ImportError) in
        try positive(list, rank: shape.count + 1)
      }
      try node.support(!(axes?.contains(0) ?? false), "squeeze of the batch axis")
      let output = try squeezed([0] + shape, axes: axes)
      return try append(.reshape, inputs: [value], shape: Array(output.dropFirst()))
    case .constant(var constant):
      let axes = try declared.map { list throws(ImportError) in
        try positive(list, rank: constant.dimensions.count)
      }
      constant.dimensions = try squeezed(constant.dimensions, axes: axes)
      return .constant(constant)
    default: return .unknown
    }
  }

  private func squeezed(_ shape: [Int], axes: [Int]?) throws(ImportError) -> [Int] {
    let axes = axes ?? shape.indices.filter { shape[$0] == 1 }
    if let axis = axes.first(where: { shape[$0] != 1 }) {
      throw node.error("axis \(axis) has extent \(shape[axis]), not 1")
    }
    return shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
  }

  fileprivate mutating func unsqueeze() throws(ImportError) -> Binding {
    guard let declared = try integers(attribute: "axes", input: 1) else {
      throw node.error("has no axes")
    }
    switch try binding(0) {
    case .activation(let value):
      let output = try unsqueezed([0] + graph.values[value].shape, axes: declared)
      try node.support(output[0] == 0, "an axis before the batch axis")
      return try append(.reshape, inputs: [value], shape: Array(output.dropFirst()))
    case .constant(var constant):
      constant.dimensions = try unsqueezed(constant.dimensions, axes: declared)
      return .constant(constant)
    default: return .unknown
    }
  }

  private func unsqueezed(_ shape: [Int], axes: [Int]) throws(ImportError) -> [Int] {
    guard axes.count <= OnnxConstant.maximumRank - min(shape.count, OnnxConstant.maximumRank) else {
      throw node.error("gives more than \(OnnxConstant.maximumRank) axes")
    }
    let rank = shape.count + axes.count
    let added = try positive(axes, rank: rank)
    var rest = shape.makeIterator()
    return (0..<rank).map { added.contains($0) ? 1 : rest.next() ?? 1 }
  }
}

extension TFLiteNode {
  /// Whether it gives a tensor's elements, in their order, the shape of features or of an image of
  /// one channel.
  var givesOneChannel: Bool {
    guard outputs.count == 1, outputs[0] >= 0 else { return false }
    let shape = model.tensors[outputs[0]].shape
    return [.reshape, .squeeze, .expandDims].contains(source.operation)
      && (shape.count <= 2 || (shape.count == 4 && shape[3] == 1))
  }
}

extension TFLiteFloatConverter {
  /// An image may be flattened; whatever else changes its shape must not change its order.
  fileprivate mutating func reshape() throws(ImportError) {
    let input = try activation()
    let index = try node.output()
    let (shape, order) = try self.shape(index)
    guard shape.reduce(1, *) == input.shape.reduce(1, *) else {
      throw node.error("\(input.shape) has not as many elements as \(shape)")
    }
    if shape == input.shape {
      bindings[index] = .value(input.value, input.order)
      return
    }
    var result = order
    switch (input.order, order) {
    case (.image, .vector):
      if !input.shape.isOrderless {
        result = .flattened(height: input.shape[1], width: input.shape[2], channels: input.shape[0])
      }
    case (.flattened(let height, let width, let channels), _):
      try node.support(shape == [channels, height, width], "of a flattened image")
    default:
      try node.support(input.shape.isOrderless && shape.isOrderless, "of an image to another one")
    }
    let value = try reshaped(input.value, to: shape)
    bindings[index] = .value(value, result)
  }

  mutating func reshaped(
    _ value: Int, to shape: [Int], suffix: String = ""
  ) throws(ImportError) -> Int {
    try append(.reshape, inputs: [value], shape: shape, suffix: suffix)
  }
}

extension TFLiteIntegerConverter {
  /// An operator whose input and output must lie on one grid, or LiteRT refuses the file.
  mutating func requireOneGrid() throws(ImportError) {
    let source = builder[try activation()]
    let output = try description(try node.output())
    if source.grid != output.grid { throw node.differentGrids(source, output) }
  }

  /// The output's shape says it all. Where nobody can tell the difference, nothing is copied.
  fileprivate mutating func reshape() throws(ImportError) {
    let index = try node.output()
    let output = try description(index)
    let input = relabelled(try activation(), like: output)
    let source = builder[input]
    guard source.elementCount == output.elementCount else {
      throw node.error("\(source.extent) has not as many elements as \(output.extent)")
    }
    if source.extent == output.extent || isOnlyReadFlat(index) {
      bindings[index] = .tensor(input)
    } else {
      try finish(.reshape(.init()), [input], extent: output.extent)
    }
  }

  /// A tensor of the file that holds another's elements.
  mutating func reshaped(_ source: Int, to declared: IntegerTensor) -> Int {
    builder.append(
      Self.derived(declared.name, "/reshape"), .reshape(.init()), [source], giving: declared)
  }
}
