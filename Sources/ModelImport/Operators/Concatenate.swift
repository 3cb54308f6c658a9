import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

extension OperatorRoom {
  static let concatenate = OperatorRoom(
    OnnxRow(
      "Concat", ["axis"], float: { try $0.concatenate() }, quantized: { try $0.concatenate() }),
    OnnxRow("QLinearConcat", ["axis"], in: .runtime, quantized: { try $0.qLinearConcat() }),
    TFLiteRow(
      .concatenation, mayComputeShapes: true, float: { try $0.concatenate() },
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
    try node.support(constants.isEmpty, "an activation joined with a constant")
    let rank = graph.values[activations[0]].shape.count + 1
    let axis = declared < 0 ? declared &+ rank : declared
    try node.support(axis != 0, "joins along the batch axis")
    try node.require((1..<rank).contains(axis), "axis \(declared) of \(rank)")
    return try append(.concatenate(axis: axis - 1), inputs: activations)
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
  /// Which of height (0), width and channels the inputs are joined along.
  fileprivate func joinedAxis() throws(ImportError) -> Int {
    let rank = model.tensors[try output()].shape.count
    let declared = try number(TFLite.Options.Concatenation.axis, default: Int32(0))
    guard let axis = TFLiteShape.axis(Int(declared), rank: rank) else {
      throw error("an axis that its output has not")
    }
    try support(axis >= 0, "along the batch axis")
    return axis
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func concatenate() throws(ImportError) {
    let axis = try node.joinedAxis()
    var values: [Int] = []
    for position in node.inputs.indices { values.append(try plainActivation(position).value) }
    guard let first = values.first else { throw node.error("input 0 is missing") }
    let isImage = graph.values[first].shape.count == 3
    try node.support(isImage || axis == 2, "along the batch axis")
    let value = try append(
      .concatenate(axis: isImage ? ChannelOrder.first(axis: axis) : 0), inputs: values)
    try finish(
      value, order: .vector, bounds: try node.bounds(TFLite.Options.Concatenation.activation))
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func concatenate() throws(ImportError) {
    let output = try description(try node.output())
    guard try node.bounds(TFLite.Options.Concatenation.activation) == -.infinity ... .infinity
    else { throw node.unsupported("a fused activation") }
    let axis = try node.joinedAxis()
    var inputs: [Int] = []
    var extent = output.extent
    extent[axis] = 0
    for position in node.inputs.indices {
      let input = try part(position, of: output)
      inputs.append(input)
      extent[axis] += builder[input].extent[axis]
      var own = builder[input].extent
      own[axis] = output.extent[axis]
      try node.require(
        own == output.extent, "cannot join \(builder[input].extent) into \(output.extent)")
    }
    guard let first = inputs.first else { throw node.error("input 0 is missing") }
    if inputs.count == 1, extent == output.extent {
      bindings[try node.output()] = .tensor(first)
      return
    }
    inputs = builder.joinable(inputs, axis: axis, named: Self.derived(output.name, ""))
    try finish(.concatenate(.init(axis: axis)), inputs, extent: extent)
  }

  /// LiteRT joins int8 on one grid alone; uint8 it brings to the output's grid, in float32, and int16 it
  /// takes as it is.
  private mutating func part(
    _ position: Int, of output: IntegerTensor
  ) throws(ImportError) -> Int {
    let input = try activation(position)
    let source = builder[input]
    guard source.grid != output.grid else { return input }
    if source.grid.isWide, output.grid.isWide { return relabelled(input, like: output) }
    guard try node.tensor(position).type == .uint8 else {
      throw node.differentGrids(source, output)
    }
    return builder.append(
      Self.derived(source.name, "/rescaled"),
      .lookup(.init(table: FunctionTable.joined(from: source.grid, to: output.grid))), [input],
      giving: IntegerTensor(
        name: Self.derived(source.name, "/rescaled"), extent: source.extent, grid: output.grid))
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
