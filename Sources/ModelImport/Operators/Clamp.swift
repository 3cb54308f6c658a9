import CupelFloatGraph
import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

/// Values limited from below and above: ReLU and its kin.
extension OperatorRoom {
  static let clamp = OperatorRoom(
    OnnxRow(
      "Clip", ["max", "min"], anyBatchPlace: true, float: { try $0.clip() },
      quantized: { try $0.clamp() }),
    OnnxRow("Relu", anyBatchPlace: true, float: { try $0.relu() }, quantized: { try $0.clamp() }),
    rectifier(.relu, 0 ... .infinity), rectifier(.relu6, 0...6), rectifier(.reluN1To1, -1...1),
    rectifier(.relu0To1, 0...1),
    TFLiteRow(
      .maximum, takesPlainIntegers: true, float: { try $0.limit(isMaximum: true) },
      integer: { try $0.limit(isMaximum: true) }),
    TFLiteRow(
      .minimum, takesPlainIntegers: true, float: { try $0.limit(isMaximum: false) },
      integer: { try $0.limit(isMaximum: false) }))

  private static func rectifier(
    _ operation: TFLite.Operation, _ bounds: ClosedRange<Float>
  ) -> TFLiteRow {
    TFLiteRow(
      operation, float: { try $0.rectify(bounds) }, integer: { try $0.rectify(bounds) })
  }
}

extension OnnxConverter {
  fileprivate mutating func relu() throws(ImportError) -> Binding {
    try unary(.clamp(low: 0, high: .infinity))
  }

  fileprivate mutating func clip() throws(ImportError) -> Binding {
    let low = try scalar(attribute: "min", input: 1) ?? -.infinity
    let high = try scalar(attribute: "max", input: 2) ?? .infinity
    try node.require(low <= high, "min \(low) is not at most max \(high)")
    if case .constant(let constant) = try binding(0), let values = constant.floats {
      try budget.claim(values.count, size: MemoryLayout<Float>.stride, for: node)
      let limited = values.map { min(max($0, low), high) }
      return .constant(OnnxConstant(dimensions: constant.dimensions, elements: .floats(limited)))
    }
    return try unary(.clamp(low: low, high: high))
  }
}

extension QuantizedOnnxConverter {
  /// Bounds join those of the operator before.
  fileprivate mutating func clamp() throws(ImportError) {
    if try clampsIntegers() { return }
    guard let added = try delegate(), let clamp = added.operation.as(FloatGraph.Clamp.self)
    else { return }
    switch try state(added.inputs[0]) {
    case .pending(let pending):
      states[added.output] = .pending(pending.clamped(low: clamp.low, high: clamp.high))
    case .real(let tensor):
      let same = PendingOperation.same(tensor, name: node.name)
      states[added.output] = .pending(same.clamped(low: clamp.low, high: clamp.high))
    case .ranking(let ranking)
    where clamp.low <= 0 && clamp.high >= 0.99:
      // No share is limited that QuantizeLinear to units of 1/256 would not limit.
      states[added.output] = .ranking(ranking)
    default: throw node.unsupported("on a value that is not real")
    }
  }
}

extension QuantizedOnnxConverter {
  /// A Clip of integers: of stored weights, which stay constant, or of an activation. False for
  /// anything else.
  private mutating func clampsIntegers() throws(ImportError) -> Bool {
    guard let source = node.inputs.first, let output = node.outputs.first else { return false }
    if let constant = weights[source], float.binding(of: source) == nil {
      let limits = try integerLimits(constant.quantization.type)
      try define(output, constant.limited(to: limits))
      return true
    }
    if let known = clipped[source] {
      try clip(known.name, within: known.limits, as: output)
      return true
    }
    if let tensor = float.tensor(source) {
      guard let type = OnnxIntegerTensor.ElementType(rawValue: tensor.elementType), type != .int32
      else { return false }
      try clip(source, within: type.range, as: output)
      return true
    }
    guard case .activation(let value)? = float.binding(of: source),
      case .integer(let tensor, let type)? = states[value]
    else { return false }
    let limits = try integerLimits(type)
    let shape = float.graph.values[value].shape
    let kind = IntegerOperation.Kind.clamp(
      Bounds(
        low: Int16(limits.lowerBound - type.offset), high: Int16(limits.upperBound - type.offset)))
    let target = Target(grid: builder[tensor].grid, shape: shape, name: outputName)
    let own = try image(tensor, shape: shape)
    try bind(.integer(try append(kind, [own], named: node.name, to: target), type), shape: shape)
    return true
  }

  private mutating func clip(
    _ name: String, within range: ClosedRange<Int>, as output: String
  ) throws(ImportError) {
    guard let tensor = float.tensor(name),
      let type = OnnxIntegerTensor.ElementType(rawValue: tensor.elementType)
    else { throw node.error("reads a value of no known kind") }
    let own = try integerLimits(type)
    let limits = ClippedIntegers(name: name, limits: range.clamped(to: own))
    guard float.isFree(output), weights[output] == nil,
      clipped.updateValue(limits, forKey: output) == nil
    else { throw node.error("output '\(printable(output))' already exists") }
  }

  /// The bounds of a Clip of integers, each of which may be left out.
  private mutating func integerLimits(
    _ type: OnnxIntegerTensor.ElementType
  ) throws(ImportError) -> ClosedRange<Int> {
    let range = type.range
    let low = try integerScalar(1) ?? range.lowerBound
    let high = try integerScalar(2) ?? range.upperBound
    guard range.contains(low), range.contains(high), low <= high else {
      throw node.error("min \(low) and max \(high) are no bounds in \(range)")
    }
    return low...high
  }
}

extension TFLiteFloatConverter {
  fileprivate mutating func rectify(_ bounds: ClosedRange<Float>) throws(ImportError) {
    let input = try anyActivation()
    try finish(try limited(input.value, bounds), order: input.order)
  }

  /// The larger, or the smaller, of two tensors, or of a tensor and one constant.
  fileprivate mutating func limit(isMaximum: Bool) throws(ImportError) {
    if try isConstant(1), try node.tensor(1).shape.allSatisfy({ $0 == 1 }) {
      let limit = try constant(1, "a limit").values
      try node.require(limit.count == 1, "\(limit.count) limits")
      return try rectify(
        isMaximum ? limit[0] ... .infinity : -Float.infinity...limit[0])
    }
    let operands = try aligned([try array(0), try array(1)])
    try finish(try made(isMaximum ? .maximum : .minimum, operands, ""))
  }

  /// A value within real bounds.
  mutating func limited(
    _ value: Int, _ bounds: ClosedRange<Float>, suffix: String = ""
  ) throws(ImportError) -> Int {
    try append(
      .clamp(low: bounds.lowerBound, high: bounds.upperBound), inputs: [value], suffix: suffix)
  }
}

extension TFLiteIntegerConverter {
  fileprivate mutating func rectify(_ bounds: ClosedRange<Float>) throws(ImportError) {
    let input = try activation()
    let source = builder[input]
    let output = try description(try node.output())
    let clamp = IntegerOperation.Kind.clamp(source.limits(bounds))
    if source.grid == output.grid { return try finish(clamp, [input], extent: source.extent) }
    // TensorFlow Lite Micro's RELU6 clamps on its input's grid and leaves it at that.
    if builder.profile == .tflm, bounds.upperBound.isFinite, !source.grid.isWide {
      var clamped = source
      clamped.name = Self.derived(output.name, "/clamped")
      let inner = builder.append(clamped.name, clamp, [input], giving: clamped)
      return try finish(
        .lookup(.init(table: FunctionTable.identity)), [inner], extent: source.extent)
    }
    let ratio = source.scale / output.scale
    let scale = try node.built { () throws(BuildError) in
      try builder.rescale(
        from: source.grid, to: output.grid, ratio: ratio, within: output.limits(bounds))
    }
    try finish(.requantize(.init(scale)), [input], extent: source.extent)
  }

  /// The larger, or the smaller, integer of two, on whatever grids: of each value and one constant it
  /// is a clamp.
  fileprivate mutating func limit(isMaximum: Bool) throws(ImportError) {
    let bound = try node.tensor(1)
    guard bound.data != nil, TFLiteShape.elementCount(bound.shape) == 1 else {
      return try join(isMaximum: isMaximum)
    }
    let output = try description(try node.output())
    let input = relabelled(try activation(), like: output)
    let (_, bytes, _) = try node.data(1, type: [.int8, .uint8, .int16], what: "a bound")
    let value = bound.moved(bytes)
    var bounds = builder[input].grid.whole
    if isMaximum { bounds.low = value } else { bounds.high = value }
    try finish(.clamp(bounds), [input], extent: builder[input].extent)
  }

  /// Of two activations: the largest, or smallest, of each two that lie below each other.
  private mutating func join(isMaximum: Bool) throws(ImportError) {
    let output = try description(try node.output())
    let count = output.elementCount
    let name = Self.derived(output.name, "/pairs")
    let rows = try [0, 1].map { position throws(ImportError) in
      let own = try repeated(try array(position, like: output), like: output)
      let row = builder.viewed(own, as: [1, 1, count], named: name)
      return ArrayView(row, shape: [1, count], name: name)
    }
    let pairs = builder.array(
      builder.join(rows, axis: 0, named: name), shape: [2, count], named: name)
    try finish(
      isMaximum ? builder.maximum(pairs, over: [0]) : builder.minimum(pairs, over: [0]))
  }

  /// Pools and their like keep the grid; bounds that they have come behind.
  mutating func finish(
    each images: [Int], _ kind: IntegerOperation.Kind, extent: [Int], within bounds: Bounds
  ) throws(ImportError) {
    var inner = try description(try node.output())
    inner.extent = extent
    inner.name = Self.derived(inner.name, "/pooled")
    try finish(each: images, extent: extent) { converter, image in
      guard bounds != inner.grid.whole else { return (kind, image) }
      return (
        .clamp(bounds), converter.builder.append(inner.name, kind, [image], giving: inner)
      )
    }
  }
}

extension IntegerOperation.Kind {
  fileprivate static func clamp(_ bounds: Bounds) -> Self {
    .clamp(CupelIntegerOperators.Clamp(low: bounds.low, high: bounds.high))
  }
}
