import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Differences and quotients; and what sums and products have in common with them.
extension OperatorRoom {
  static let arithmetic = OperatorRoom(
    OnnxRow(
      "Div", float: { try $0.arithmetic(.divide) }, quantized: { try $0.arithmetic(.divide) }),
    OnnxRow(
      "Sub", float: { try $0.arithmetic(.subtract) }, quantized: { try $0.arithmetic(.subtract) }),
    TFLiteRow(.div, float: { try $0.arithmetic(.divide) }),
    TFLiteRow(.pow, float: { try $0.power() }),
    TFLiteRow(.squaredDifference, float: { try $0.squaredDifference() }),
    TFLiteRow(
      .sub, float: { try $0.arithmetic(.subtract) },
      integer: { try $0.join(ProgramBuilder.difference, rule: .sumRule) { .subtract(.init($0)) } }
    ))
}

enum Arithmetic {
  case add, subtract, multiply, divide

  func apply(_ left: Float, _ right: Float) -> Float {
    switch self {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    case .divide: left / right
    }
  }

  /// Of two activations; a quotient is a product with a reciprocal.
  var ofActivations: FloatGraph.Operation {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply, .divide: .multiply
    }
  }

  func apply(_ left: SymbolicInteger, _ right: SymbolicInteger) -> SymbolicInteger? {
    switch self {
    case .add: left.adding(right)
    case .subtract: left.subtracting(right)
    case .multiply: left.multiplied(by: right)
    case .divide: left.divided(by: right)
    }
  }
}

extension OnnxConverter {
  /// Of two activations, of an activation and a constant, or of two constants.
  mutating func arithmetic(_ operation: Arithmetic) throws(ImportError) -> Binding {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    let isConstant = try [0, 1].map { index throws(ImportError) in
      if case .constant = try binding(index) { return true }
      return false
    }
    if isConstant == [true, true] { return try arithmeticOfConstants(operation) }
    let operands = [try operand(0), try operand(1)]
    if let index = isConstant.firstIndex(of: true),
      case .activation(let source) = operands[1 - index],
      case .constant(let values, let dimensions) = operands[index]
    {
      let step = AffineStep(operation, by: values, isFirst: index == 0)
      if let result = try shifted(source, by: step, dimensions: dimensions) { return result }
    }
    return try joined(operation, operands)
  }

  /// Of operands of any shapes that broadcast.
  private mutating func joined(
    _ operation: Arithmetic, _ operands: [Operand]
  ) throws(ImportError) -> Binding {
    var operands = operands
    if operation == .divide { operands[1] = try reciprocal(of: operands[1]) }
    let (values, place) = try aligned(operands)
    return try append(operation.ofActivations, inputs: values, at: place)
  }

  private mutating func reciprocal(of operand: Operand) throws(ImportError) -> Operand {
    switch operand {
    case .activation(let source):
      let inverse = try step(
        .function(.reciprocal), [source.value], at: source.place, named: "reciprocal")
      return .activation(placed(value: inverse))
    case .constant(let values, let dimensions):
      try budget.claim(values.count, size: MemoryLayout<Float>.stride, for: node)
      return .constant(try finite(values.map { 1 / $0 }), dimensions: dimensions)
    }
  }

  private mutating func arithmeticOfConstants(
    _ operation: Arithmetic
  ) throws(ImportError) -> Binding {
    let (left, right) = try broadcast(try folded(0), try folded(1))
    switch (left.elements, right.elements) {
    case (.floats(let a), .floats(let b)):
      let values = zip(a, b).map { operation.apply($0, $1) }
      return .constant(OnnxConstant(dimensions: left.dimensions, elements: .floats(values)))
    case (.integers(let a), .integers(let b)):
      var values: [SymbolicInteger] = []
      for (a, b) in zip(a, b) {
        guard let value = operation.apply(a, b) else {
          throw node.error("shape arithmetic overflows or is not linear in the batch size")
        }
        values.append(value)
      }
      return .constant(.integers(values, dimensions: left.dimensions))
    default: throw node.error("inputs differ in type")
    }
  }

  /// What a constant does to an activation, where that is one factor and one summand for all of it,
  /// or for each channel; nil for any other constant.
  private mutating func shifted(
    _ source: PlacedValue, by step: AffineStep, dimensions: [Int]
  ) throws(ImportError) -> Binding? {
    let channels = [source.shape.first ?? 1, source.shape.last ?? 1]
    try budget.claim(
      4 * (channels.max() ?? 1), size: MemoryLayout<Float>.stride, for: node)
    if let biased = try biased(source, by: step, dimensions: dimensions) { return biased }
    guard dimensions.count <= source.rank else { return nil }
    if source.place == .first, source.shape.count == 1 || images.contains(source.value),
      let map = try node.map(step, dimensions: dimensions, shape: source.shape)
    {
      return try shifted(source.value, map)
    }
    guard step.values.count == 1, let map = AffineMap(step) else { return nil }
    let (factor, offset) = (Float(map.factor(0)), Float(map.offset(0)))
    _ = try finite([factor, offset])
    return try append(
      .affine(factor: factor, offset: offset), inputs: [source.value], at: source.place)
  }

  /// A layer on rows of features takes a summand for each of its features as its bias.
  private mutating func biased(
    _ source: PlacedValue, by step: AffineStep, dimensions: [Int]
  ) throws(ImportError) -> Binding? {
    guard source.shape.count > 1, dimensions.count <= source.rank,
      dimensions.dropLast().allSatisfy({ $0 == 1 }), hasOneReader(source.value),
      let producer = producer(of: source.value), let features = source.shape.last,
      step.values.count == features || step.values.count == 1,
      var layer = graph.nodes[producer].operation.as(FloatGraph.Linear.self),
      let map = AffineMap(step), map.isShift
    else { return nil }
    layer.bias = try finite(map.offsets(features, after: layer.bias))
    graph.nodes[producer].operation = .linear(layer)
    return .activation(source.value)
  }

  /// A layer takes what is added to its results as its bias. Anything else becomes a batch
  /// normalization with no statistics, and several one behind the other become one.
  private mutating func shifted(_ value: Int, _ map: AffineMap) throws(ImportError) -> Binding {
    let channels = graph.values[value].shape[0]
    if hasOneReader(value), let producer = producer(of: value) {
      let operation = graph.nodes[producer].operation
      if map.isShift, var layer = operation.weighted {
        layer.bias = try finite(map.offsets(channels, after: layer.bias))
        graph.nodes[producer].operation = FloatGraph.Operation(layer)
        return .activation(value)
      }
      if let own = operation.as(FloatGraph.BatchNormalization.self),
        let before = AffineMap(own)
      {
        graph.nodes[producer].operation = .batchNormalization(
          try normalization(map.after(before), channels: channels))
        return .activation(value)
      }
    }
    return try append(
      .batchNormalization(try normalization(map, channels: channels)), inputs: [value])
  }

  private func normalization(
    _ map: AffineMap, channels: Int
  ) throws(ImportError) -> FloatGraph.BatchNormalization {
    FloatGraph.BatchNormalization(
      gamma: try finite((0..<channels).map { Float(map.factor($0)) }),
      beta: try finite((0..<channels).map { Float(map.offset($0)) }),
      mean: [Float](repeating: 0, count: channels),
      variance: [Float](repeating: 1, count: channels), epsilon: 0)
  }

  private func finite(_ values: [Float]) throws(ImportError) -> [Float] {
    try node.require(
      values.allSatisfy(\.isFinite), "with its constant a value leaves the range of float32")
    return values
  }
}

extension TFLiteFloatConverter {
  /// A constant for each channel, or one for all, that is added to an image, taken away or multiplied
  /// by is a batch normalization with no statistics. All else is computed as the file has it.
  mutating func arithmetic(_ operation: Arithmetic) throws(ImportError) {
    let bounds = try node.bounds(TFLite.Options.Arithmetic.activation)
    var constants: [Int] = []
    for position in 0..<2 where try isConstant(position) { constants.append(position) }
    try node.support(constants.count < 2, "of constants")
    if isOnImages, try joined(operation, constants, bounds) { return }
    var operands = try aligned([try array(0), try array(1)])
    if operation == .divide {
      operands[1] = try made(.function(.reciprocal), [operands[1]], "/reciprocal")
    }
    try finish(try made(operation.ofActivations, operands, ""), bounds: bounds)
  }

  /// Joins images or features in the graph's own order; false where only their axes tell how.
  private mutating func joined(
    _ operation: Arithmetic, _ constants: [Int], _ bounds: ClosedRange<Float>
  ) throws(ImportError) -> Bool {
    guard operation != .divide else { return false }
    if constants.isEmpty {
      let (first, second) = (try anyActivation(0), try anyActivation(1))
      guard first.shape == second.shape, first.order == second.order else { return false }
      let value = try append(operation.ofActivations, inputs: [first.value, second.value])
      try finish(value, order: first.order, bounds: bounds)
      return true
    }
    let input = try anyActivation(1 - constants[0])
    let channels = input.shape[0]
    let shape = try node.tensor(constants[0]).shape
    let count = TFLiteShape.elementCount(shape) ?? 0
    if case .flattened = input.order { return false }
    guard operation != .subtract || constants[0] == 1,
      count == 1 || (count == channels && shape.last == channels)
    else { return false }
    let values = try constant(constants[0], "a constant").values
    try claim(4 * channels, size: 4)
    let spread = count == 1 ? Array(repeating: values[0], count: channels) : values
    let ones = [Float](repeating: 1, count: channels)
    let zeros = [Float](repeating: 0, count: channels)
    let isProduct = operation == .multiply
    let normalization = FloatGraph.BatchNormalization(
      gamma: isProduct ? spread : ones,
      beta: isProduct ? zeros : operation == .subtract ? spread.map { -$0 } : spread,
      mean: zeros, variance: ones, epsilon: 0)
    let value = try append(.batchNormalization(normalization), inputs: [input.value])
    try finish(value, order: input.order, bounds: bounds)
    return true
  }

  /// The square of a difference.
  fileprivate mutating func squaredDifference() throws(ImportError) {
    let difference = try made(
      .subtract, try aligned([try array(0), try array(1)]), "/difference")
    try finish(try made(.multiply, [difference, difference], ""))
  }

  /// To a constant power.
  fileprivate mutating func power() throws(ImportError) {
    try node.support(try isConstant(1), "to powers that are not constant")
    let exponent = try constant(1, "an exponent").values
    try node.support(exponent.count == 1, "to \(exponent.count) powers at once")
    try elementwise(.power(exponent[0]))
  }

  func isConstant(_ position: Int) throws(ImportError) -> Bool {
    if case .value = bindings[try node.input(position)] { return false }
    return true
  }
}

/// What joins two tensors element by element on a grid, made of the three scales.
typealias Joining<Parameters> =
  (ProgramBuilder) -> ([Int], Grid, Bounds) throws(BuildError) -> Parameters

extension QuantizedOnnxConverter {
  /// Of two activations, of an activation and a constant, or of two constants.
  mutating func arithmetic(_ operation: Arithmetic) throws(ImportError) {
    try node.require(node.inputs.count == 2, "needs 2 inputs")
    let constants = try [0, 1].map { index throws(ImportError) in try isConstant(index) }
    if constants[0], constants[1] { return try adoptNothing() }
    if let index = constants.firstIndex(of: true) {
      return try apply(operation, constant: index)
    }
    switch operation {
    case .add: try join(ProgramBuilder.sum) { .add(.init($0)) }
    case .subtract: try join(ProgramBuilder.difference) { .subtract(.init($0)) }
    case .multiply: try join(ProgramBuilder.product) { .multiply(.init($0)) }
    case .divide: throw node.unsupported("of two activations")
    }
  }

  /// Two activations of real numbers.
  mutating func join<Parameters>(
    _ joining: @escaping Joining<Parameters>,
    _ kind: @escaping (Parameters) -> IntegerOperation.Kind
  ) throws(ImportError) {
    let inputs = [try realInput(0), try realInput(1)]
    try bind(try joined(inputs, isFused: false, joining, kind), shape: inputs[0].shape)
  }

  /// Each input and the output followed by its scale and zero point.
  mutating func qLinearJoin<Parameters>(
    _ joining: @escaping Joining<Parameters>,
    _ kind: @escaping (Parameters) -> IntegerOperation.Kind
  ) throws(ImportError) {
    let inputs = [try integerInput(0), try integerInput(3)]
    let pending = try joined(
      inputs.map { ($0.tensor, $0.shape) }, isFused: true, joining, kind)
    try finish(pending, shape: inputs[0].shape, inputs[0].type, scale: 6, zeroPoint: 7)
  }

  /// - Parameter isFused: whether the file has one operator for it; else ONNX Runtime makes it one
  ///   where a QuantizeLinear follows at once.
  private mutating func joined<Parameters>(
    _ inputs: [(tensor: Int, shape: [Int])], isFused: Bool,
    _ joining: @escaping Joining<Parameters>,
    _ kind: @escaping (Parameters) -> IntegerOperation.Kind
  ) throws(ImportError) -> PendingOperation {
    let (shape, other) = (inputs[0].shape, inputs[1].shape)
    try node.support(shape == other, "inputs of different shapes, \(shape) and \(other)")
    let tensors = try inputs.map { input throws(ImportError) in
      try image(input.tensor, shape: input.shape)
    }
    return PendingOperation { converter, pending, target throws(ImportError) in
      converter.chooseElementMode(pending, of: tensors, target, isFused: isFused)
      let parameters = try converter.node.built { () throws(BuildError) in
        try joining(converter.builder)(tensors, target.grid, pending.bounds(on: target.grid))
      }
      return try converter.append(kind(parameters), tensors, named: pending.name, to: target)
    }
  }

  mutating func isConstant(_ index: Int) throws(ImportError) -> Bool {
    if node.hasInput(index), weights[node.inputs[index]] != nil { return true }
    if case .constant = try float.binding(index) { return true }
    return false
  }
}

extension String {
  /// Which scales cannot be added.
  static let sumRule = "the output's scale is too small for the inputs'"
}

extension TFLiteIntegerConverter {
  /// - Parameter rule: what scales break that the operation cannot have; nil for the builder's own.
  mutating func join<Parameters>(
    _ joining: Joining<Parameters>, rule: String? = nil,
    _ kind: (Parameters) -> IntegerOperation.Kind
  ) throws(ImportError) {
    let output = try description(try node.output())
    let inputs = try operands(like: output)
    let limits = output.limits(try node.bounds(TFLite.Options.Arithmetic.activation))
    try checkPowersOfTwo(inputs, output)
    let parameters = try node.built(rule) { () throws(BuildError) in
      try joining(builder)(inputs, output.grid, limits)
    }
    try finish(kind(parameters), inputs, extent: output.extent)
  }

  /// LiteRT adds int16 by shifts, as its recurrent cells want it, where all scales are powers of two and
  /// the options do not forbid it. TensorFlow Lite Micro does not.
  private func checkPowersOfTwo(
    _ inputs: [Int], _ output: IntegerTensor
  ) throws(ImportError) {
    guard output.grid.isWide, builder.profile != .tflm, node.source.operation != .mul,
      try node.source.options?.number(
        TFLite.Options.Arithmetic.shiftsPowersOfTwo, default: UInt8(1)) ?? 0 != 0
    else { return }
    let scales = inputs.map { builder[$0].scale } + [output.scale]
    try node.support(
      !scales.allSatisfy { $0.significand == 1 }, "of int16 by shifts (pot_scale_int16)")
  }

  /// Two inputs, repeated where the output is larger.
  private mutating func operands(like output: IntegerTensor) throws(ImportError) -> [Int] {
    var inputs: [Int] = []
    for position in 0..<2 {
      inputs.append(try repeated(try array(position), like: output))
    }
    return inputs
  }

  /// An array with as many elements as the node's output, repeated where it has fewer.
  mutating func repeated(
    _ source: ArrayView, like output: IntegerTensor
  ) throws(ImportError) -> Int {
    var own = source
    own.name = Self.derived(builder[source.tensor].name, "/repeated")
    if builder[own.tensor].elementCount != output.elementCount {
      let shape = model.tensors[try node.output()].shape
      let last = try node.built { () throws(BuildError) in try builder.broadcast(own, to: shape) }
      own.tensor = builder.append(last, named: own.name)
    }
    return builder.viewed(own.tensor, as: output.extent, named: own.name)
  }
}
