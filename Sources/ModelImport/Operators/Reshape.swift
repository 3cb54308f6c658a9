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
      "Squeeze", ["axes"], anyBatchPlace: true, float: { try $0.squeeze() },
      quantized: { try $0.adoptUnchanged() }),
    OnnxRow(
      "Unsqueeze", ["axes"], anyBatchPlace: true, float: { try $0.unsqueeze() },
      quantized: { try $0.adoptUnchanged() }),
    TFLiteRow(
      .reshape, mayComputeShapes: true, takesPlainIntegers: true, float: { try $0.reshape() },
      integer: { try $0.reshape() }),
    TFLiteRow(
      .squeeze, takesPlainIntegers: true, float: { try $0.reshape() }, integer: { try $0.reshape() }
    ),
    TFLiteRow(
      .expandDims, takesPlainIntegers: true, float: { try $0.reshape() },
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
      return try reshaped(placed(value: value), to: target, copiesZero: copiesZero)
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

  /// An activation under a shape of the file's, which may depend on the batch size.
  fileprivate mutating func reshaped(
    _ source: PlacedValue, to target: [SymbolicInteger], copiesZero: Bool
  ) throws(ImportError) -> Binding {
    let own = source.dimensions
    var dimensions: [SymbolicInteger] = []
    for (axis, extent) in target.enumerated() {
      let copies = extent.known == 0 && copiesZero
      try node.require(!copies || axis < own.count, "axis \(axis) has nothing to copy")
      dimensions.append(copies ? own[axis] : extent)
    }
    let (shape, place) = try split(dimensions, of: source)
    try node.support(!shape.isEmpty, "reshape to a number without axes")
    return .activation(try reshaped(source, to: shape, at: place, named: nil))
  }

  /// The value's shape, and the place of the batch axis, in a shape of the file's.
  private func split(
    _ dimensions: [SymbolicInteger], of source: PlacedValue
  ) throws(ImportError) -> (shape: [Int], place: BatchPlace) {
    let elements = source.shape.reduce(1, *)
    // A file with a batch of one says what becomes of one image, whatever axis it leaves it.
    if fixedBatch == 1 {
      let known = dimensions.compactMap { $0.ofOneImage?.known }
      try node.require(known.count == dimensions.count, "its target shape overflows")
      let shape = try resolved(known, elements: elements, mayInfer: true)
      return shape.count > 1 && shape[0] == 1
        ? (Array(shape.dropFirst()), .first) : (shape, .none)
    }
    var dimensions = dimensions
    if let open = dimensions.firstIndex(where: { $0.known == -1 }) {
      dimensions[open] = try inferred(open, of: dimensions, elements: elements)
    }
    // The axis that holds the batch: what depends on it, or, where the file fixes it, what it
    // divides at the same place in the elements' order.
    var before = 1
    for (axis, extent) in dimensions.enumerated() {
      let isPlace = before == source.elementsBeforeBatch
      var own = extent.batches > 0 && extent.offset == 0 ? extent.batches : nil
      if own == nil, isPlace, let batch = fixedBatch, let known = extent.known, known % batch == 0 {
        own = known / batch
      }
      if let own, isPlace {
        var shape = dimensions.map { $0.known ?? -1 }
        if own == 1 { shape.remove(at: axis) } else { shape[axis] = own }
        return (
          try resolved(shape, elements: elements, mayInfer: false),
          BatchPlace(axis: axis, isMerged: own > 1)
        )
      }
      guard let known = extent.known, known > 0 else { break }
      let (next, overflow) = before.multipliedReportingOverflow(by: known)
      if overflow { break }
      before = next
    }
    throw node.unsupported("reshape that moves or drops the batch axis")
  }

  /// The extent that is left open.
  private func inferred(
    _ open: Int, of dimensions: [SymbolicInteger], elements: Int
  ) throws(ImportError) -> SymbolicInteger {
    let mismatch = node.error("\(elements) elements of an image cannot take shape \(dimensions)")
    var rest = 1
    var hasBatch = false
    for (axis, extent) in dimensions.enumerated() where axis != open {
      if extent.batches != 0, hasBatch || extent.offset != 0 { throw mismatch }
      hasBatch = hasBatch || extent.batches != 0
      let (next, overflow) = rest.multipliedReportingOverflow(
        by: extent.batches == 0 ? extent.offset : extent.batches)
      guard !overflow, next > 0 else { throw mismatch }
      rest = next
    }
    if hasBatch {
      guard elements % rest == 0 else { throw mismatch }
      return SymbolicInteger(elements / rest)
    }
    // A fixed batch may stand as a number among the other extents.
    if let batch = fixedBatch {
      let (all, overflow) = elements.multipliedReportingOverflow(by: batch)
      guard !overflow, all % rest == 0 else { throw mismatch }
      return SymbolicInteger(all / rest)
    }
    guard elements % rest == 0,
      let extent = SymbolicInteger.batch.multiplied(by: SymbolicInteger(elements / rest))
    else { throw mismatch }
    return extent
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
    let source = try placed()
    let declared = try node.integer("axis") ?? 1
    let axis = declared < 0 ? declared &+ source.rank : declared
    try node.require((0...source.rank).contains(axis), "axis \(declared) of \(source.rank)")
    func product(_ extents: ArraySlice<SymbolicInteger>) throws(ImportError) -> SymbolicInteger {
      var product = SymbolicInteger(1)
      for extent in extents {
        guard let next = product.multiplied(by: extent) else { throw node.error("overflows") }
        product = next
      }
      return product
    }
    let own = source.dimensions
    return try reshaped(
      source, to: [try product(own[..<axis]), try product(own[axis...])], copiesZero: false)
  }

  fileprivate mutating func squeeze() throws(ImportError) -> Binding {
    let declared = try integers(attribute: "axes", input: 1)
    switch try binding(0) {
    case .activation(let value):
      let source = placed(value: value)
      let own = source.dimensions.map {
        fixedBatch == 1 ? $0.ofOneImage?.known ?? 0 : $0.known ?? 0
      }
      let axes = try declared.map { list throws(ImportError) in
        try positive(list, rank: source.rank)
      }
      let batch = source.place.axis
      if let axes, let batch, axes.contains(batch) {
        try node.support(fixedBatch == 1, "squeeze of the batch axis")
      }
      let gone = axes ?? own.indices.filter { own[$0] == 1 }
      let output = try squeezed(own, axes: gone)
      guard let batch, !gone.contains(batch) else {
        try node.support(!output.isEmpty, "squeeze of all axes")
        return .activation(try reshaped(source, to: output, at: .none, named: nil))
      }
      var place = source.place
      place.axis = batch - gone.count { $0 < batch }
      let left = source.shape.indices.filter { axis in
        !gone.contains { source.axis($0) == axis }
      }
      return .activation(
        try reshaped(source, to: left.map { source.shape[$0] }, at: place, named: nil))
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
      let source = placed(value: value)
      // The batch axis is the only one of 0 elements.
      var own = source.shape
      if let axis = source.place.axis, source.place.isOwnAxis { own.insert(0, at: axis) }
      var output = try unsqueezed(own, axes: declared)
      var place = source.place
      if let axis = place.axis {
        let added = try positive(declared, rank: output.count).sorted()
        place.axis = added.reduce(axis) { $1 <= $0 ? $0 + 1 : $0 }
      }
      if let axis = place.axis, place.isOwnAxis { output.remove(at: axis) }
      return .activation(try reshaped(source, to: output, at: place, named: nil))
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
    let index = try node.output()
    guard isOnImages, try keepsOrder() else { return try finish(try array()) }
    let input = try activation()
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
    default: break
    }
    let value = try reshaped(input.value, to: shape)
    bindings[index] = .value(value, result)
  }

  /// Whether the graph's order of elements stays right for the output's shape.
  private func keepsOrder() throws(ImportError) -> Bool {
    let input = try anyActivation()
    let (shape, order) = try self.shape(try node.output())
    switch (input.order, order) {
    case (.image, .vector): return true
    case (.flattened(let height, let width, let channels), _):
      return shape == [channels, height, width]
    default:
      return shape == input.shape || input.shape.isOrderless && shape.isOrderless
    }
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
