import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  /// Tensors one behind the other.
  static let sideBySide = OperatorRoom(
    OnnxRow(
      "Concat", ["axis"], float: { try $0.concatenate() }, quantized: { try $0.concatenate() }),
    OnnxRow("QLinearConcat", ["axis"], in: .runtime, quantized: { try $0.qLinearConcat() }),
    TFLiteRow(
      .concatenation, mayComputeShapes: true, takesPlainIntegers: true,
      float: { try $0.concatenate() },
      integer: { try $0.concatenate() }))
}

extension OnnxConverter {
  fileprivate mutating func concatenate() throws(ImportError) -> Binding {
    guard let declared = try node.integer("axis") else { throw node.error("has no axis") }
    var activations: [Int] = []
    var constants: [OnnxConstant] = []
    for index in node.inputs.indices {
      switch try binding(index) {
      case .activation(let value): activations.append(value)
      case .constant(let constant): constants.append(constant)
      default: return .unknown
      }
    }
    if activations.isEmpty { return try concatenated(constants, axis: declared) }
    var operands: [Operand] = []
    for index in node.inputs.indices { operands.append(try operand(index)) }
    let rank = operands[0].rank
    try node.require(operands.allSatisfy { $0.rank == rank }, "inputs differ in rank")
    let axis = try fileAxis(declared, rank: rank)
    let (values, place) = try aligned(operands)
    let whole = placed(value: values[0])
    guard let own = whole.axis(axis) else {
      throw node.unsupported("joins along the batch axis")
    }
    return try append(.concatenate(axis: own), inputs: values, at: place)
  }

  private mutating func concatenated(
    _ parts: [OnnxConstant], axis declared: Int
  ) throws(ImportError) -> Binding {
    guard let first = parts.first else { throw node.error("has no inputs") }
    let rank = first.dimensions.count
    let axis = declared < 0 ? declared &+ rank : declared
    try node.require((0..<rank).contains(axis), "axis \(declared) of \(rank)")
    var dimensions = first.dimensions
    dimensions[axis] = 0
    for part in parts {
      var expected = part.dimensions
      try node.require(expected.count == rank, "inputs differ in rank")
      let (sum, overflow) = dimensions[axis].addingReportingOverflow(expected[axis])
      expected[axis] = dimensions[axis]
      guard expected == dimensions, !overflow else {
        throw node.error("cannot join \(part.dimensions) to \(first.dimensions) along axis \(axis)")
      }
      dimensions[axis] = sum
    }
    let count = try budget.claim(shape: dimensions, size: first.elementSize, for: node)
    let outer = first.dimensions[..<axis].reduce(1, *)
    let floats = parts.compactMap(\.floats)
    let integers = parts.compactMap(\.integers)
    try node.require(floats.isEmpty || integers.isEmpty, "inputs differ in type")
    let elements: OnnxConstant.Elements =
      integers.isEmpty
      ? .floats(Self.interleaved(floats, outer: outer, count: count))
      : .integers(Self.interleaved(integers, outer: outer, count: count))
    return .constant(OnnxConstant(dimensions: dimensions, elements: elements))
  }

  private static func interleaved<Element>(
    _ lists: [[Element]], outer: Int, count: Int
  ) -> [Element] {
    var result: [Element] = []
    // An extent of zero leaves nothing to move, however large the others are.
    guard count > 0 else { return result }
    result.reserveCapacity(count)
    for run in 0..<outer {
      for list in lists {
        let length = list.count / outer
        result += list[run * length..<(run + 1) * length]
      }
    }
    return result
  }
}

extension QuantizedOnnxConverter {
  fileprivate mutating func concatenate() throws(ImportError) {
    try adopt(onIntegers: true) { operation, tensors in
      guard let join = operation.as(FloatGraph.Concatenate.self) else { return nil }
      return .concatenation(of: tensors, axis: join.axis)
    }
  }

  /// Y's scale and zero point, then each input with its own.
  fileprivate mutating func qLinearConcat() throws(ImportError) {
    guard node.inputs.count >= 5, (node.inputs.count - 2) % 3 == 0,
      let declared = try node.integer("axis")
    else { throw node.error("needs an axis, and three inputs for each part") }
    var tensors: [Int] = []
    var shapes: [[Int]] = []
    var type: OnnxIntegerTensor.ElementType?
    for index in stride(from: 2, to: node.inputs.count, by: 3) {
      let input = try integerInput(index)
      tensors.append(try image(input.tensor, shape: input.shape))
      shapes.append(input.shape)
      type = type ?? input.type
    }
    let rank = shapes[0].count + 1
    let axis = declared < 0 ? declared &+ rank : declared
    try node.support((1..<rank).contains(axis), "axis \(declared) of \(rank)")
    let output = try node.shape(of: .concatenate(axis: axis - 1), inputs: shapes)
    let pending = PendingOperation.concatenation(of: tensors, axis: axis - 1)
    try finish(pending, shape: output, type ?? .uint8, scale: 0, zeroPoint: 1)
  }
}

extension PendingOperation {
  /// - Parameter axis: of the shape without batch.
  fileprivate static func concatenation(of sources: [Int], axis: Int) -> PendingOperation {
    PendingOperation(moving: sources) { converter, pending, target throws(ImportError) in
      var parts: [Int] = []
      for source in sources {
        var part = target
        part.name += "/" + converter.builder[source].name
        let whole = PendingOperation.same(source, name: pending.name + "/requantize")
        parts.append(try whole.emit(to: part, with: &converter))
      }
      if parts.count == 1 { return try converter.bring(parts[0], pending, to: target) }
      let place = ChannelOrder.last(axis: axis, rank: target.shape.count)
      let name = QuantizedOnnxConverter.bounded(target.name)
      parts = converter.builder.joinable(parts, axis: place, named: name)
      return try converter.move(.concatenate(.init(axis: place)), parts, pending, to: target)
    }
  }
}

extension TFLiteNode {
  /// Which axis the inputs are joined along.
  fileprivate func joinedAxis(rank: Int) throws(ImportError) -> Int {
    let declared = Int(try number(TFLite.Options.Concatenation.axis, default: Int32(0)))
    let axis = declared < 0 ? declared + rank : declared
    try require((0..<rank).contains(axis), "an axis that its output has not")
    return axis
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func concatenate() throws(ImportError) {
    let rank = model.tensors[try node.output()].shape.count
    let axis = try node.joinedAxis(rank: rank)
    guard isOnImages, rank > 2 ? axis > rank - 4 : axis == rank - 1, try isOfActivations() else {
      return try joinArrays(along: axis)
    }
    var values: [Int] = []
    for position in node.inputs.indices { values.append(try plainActivation(position).value) }
    guard let first = values.first else { throw node.error("input 0 is missing") }
    let isImage = graph.values[first].shape.count == 3
    let value = try append(
      .concatenate(axis: isImage ? ChannelOrder.first(axis: axis - rank + 3) : 0), inputs: values)
    try finish(
      value, order: .vector, bounds: try node.bounds(TFLite.Options.Concatenation.activation))
  }

  /// Arrays one behind the other along an axis; of a single one the array itself.
  mutating func joined(
    _ parts: [FloatArray], axis: Int, _ suffix: String
  ) throws(ImportError) -> FloatArray {
    parts.count == 1 ? parts[0] : try made(.concatenate(axis: axis), parts, suffix)
  }

  private func isOfActivations() throws(ImportError) -> Bool {
    for position in node.inputs.indices where try isConstant(position) { return false }
    return true
  }

  private mutating func joinArrays(along axis: Int) throws(ImportError) {
    var parts: [FloatArray] = []
    for position in node.inputs.indices { parts.append(try array(position)) }
    try node.require(!parts.isEmpty, "input 0 is missing")
    try finish(
      try joined(parts, axis: axis, ""),
      bounds: try node.bounds(TFLite.Options.Concatenation.activation))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func concatenate() throws(ImportError) {
    let output = try description(try node.output())
    guard try node.bounds(TFLite.Options.Concatenation.activation) == -.infinity ... .infinity
    else { throw node.unsupported("a fused activation") }
    let shape = model.tensors[try node.output()].shape
    let axis = try node.joinedAxis(rank: shape.count)
    var parts: [ArrayView] = []
    var rest = shape[axis]
    for position in node.inputs.indices {
      let part = try part(position, of: output)
      var own = part.shape
      if own.indices.contains(axis) {
        rest -= own[axis]
        own[axis] = shape[axis]
      }
      try node.require(
        own == shape && rest >= 0, "cannot join \(part.shape) into \(shape) along axis \(axis)")
      parts.append(part)
    }
    guard let first = parts.first else { throw node.error("input 0 is missing") }
    try node.require(rest == 0, "its inputs leave \(rest) elements of axis \(axis) open")
    if parts.count == 1, builder[first.tensor].extent == output.extent {
      bindings[try node.output()] = .tensor(first.tensor)
      return
    }
    let name = Self.derived(output.name, "")
    try finish(builder.join(parts, axis: axis, named: name))
  }

  /// LiteRT joins int8 on one grid alone; uint8 it brings to the output's grid, in float32, and int16 it
  /// takes as it is.
  private mutating func part(
    _ position: Int, of output: IntegerTensor
  ) throws(ImportError) -> ArrayView {
    var part = try array(position)
    let source = builder[part.tensor]
    guard source.grid != output.grid else { return part }
    if source.grid.isWide, output.grid.isWide {
      part.tensor = relabelled(part.tensor, like: output)
      return part
    }
    guard try node.tensor(position).type == .uint8 else {
      throw node.differentGrids(source, output)
    }
    part.tensor = builder.append(
      Self.derived(source.name, "/rescaled"),
      .lookup(.init(table: FunctionTable.joined(from: source.grid, to: output.grid))),
      [part.tensor],
      giving: IntegerTensor(
        name: Self.derived(source.name, "/rescaled"), extent: source.extent, grid: output.grid))
    return part
  }
}

extension FunctionTable {
  /// What LiteRT's `ConcatenationWithScaling` makes of a uint8: q · ratio + bias in float32, ties
  /// away from zero.
  fileprivate static func joined(from input: Grid, to output: Grid) -> [Int8] {
    let ratio = input.scale * (1 / output.scale)
    let bias = -Float(input.zeroPoint + 128) * ratio
    return (-128...127).map { value in
      let scaled = (Float(value + 128) * ratio + bias).rounded(.toNearestOrAwayFromZero)
      return Int8(min(max(scaled + Float(output.zeroPoint), -128), 127))
    }
  }
}
