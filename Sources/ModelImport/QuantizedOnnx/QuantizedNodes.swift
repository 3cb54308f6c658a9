import FloatGraph
import ModelWriter

/// QuantizeLinear and DequantizeLinear, and what float operators between them become.
extension QuantizedOnnxConverter {
  // MARK: Between real numbers and integers

  mutating func dequantize(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes(["axis", "block_size", "output_dtype"])
    try checkNotBlocked(node)
    guard node.hasInput(0), let name = node.outputs.first else {
      throw node.error("input or output is missing")
    }
    let axis = try node.integer("axis") ?? 1
    let source = node.inputs[0]
    if let tensor = float.initializer(source) ?? float.constantTensors[source] {
      let integers = try OnnxIntegerTensor(tensor, name: source)
      let parameters = try float.quantization(
        node, scale: 1, zeroPoint: 2, type: integers.type, axis: axis)
      let constant = try OnnxWeights(integers, parameters, node: node)
      try define(name, constant, by: node)
      // A single number may also be a fill value or a bound.
      if let value = constant.single {
        let elements = OnnxConstant.Elements.floats([value])
        try float.bind(
          name, to: .constant(.init(dimensions: integers.dimensions, elements: elements)), by: node)
      }
      return
    }
    if let constant = weights[source] {
      // Behind a QuantizeLinear of a constant, with the same scales.
      let parameters = try float.quantization(
        node, scale: 1, zeroPoint: 2, type: constant.quantization.type, axis: axis)
      guard parameters.scales == constant.quantization.scales,
        parameters.zeroPoints == constant.quantization.zeroPoints
      else { throw node.unsupported("a constant read on another grid than it was quantized to") }
      try define(name, constant, by: node)
      return
    }
    let (state, shape) = try activation(node)
    if case .softmax = state {
      try bind(node, state, shape: shape)
      return
    }
    guard case .integer(let tensor) = state else {
      throw node.unsupported("an input that is not quantized")
    }
    try checkGrid(node, of: tensor, scale: 1, zeroPoint: 2)
    try bind(node, .real(tensor), shape: shape)
  }

  mutating func quantize(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes(["axis", "block_size", "output_dtype", "precision", "saturate"])
    try checkNotBlocked(node)
    guard node.hasInput(0), let name = node.outputs.first else {
      throw node.error("input or output is missing")
    }
    let type = try declaredType(node)
    if case .constant(let constant)? = try constantBinding(node, 0) {
      guard case .floats(let values) = constant.elements else {
        throw node.error("input 0 does not hold floats")
      }
      let parameters = try float.quantization(
        node, scale: 1, zeroPoint: 2, type: type, axis: try node.integer("axis") ?? 1)
      let quantized = try OnnxWeights(
        floats: values, dimensions: constant.dimensions, parameters, node: node,
        budget: &float.budget)
      try define(name, quantized, by: node)
      return
    }
    let (state, shape) = try activation(node)
    let grid = try float.grid(node, scale: 1, zeroPoint: 2, type: type)
    let tensor: Int
    switch state {
    case .floatInput: tensor = try quantizeInput(node, shape: shape, grid: grid)
    case .real(let source):
      tensor = try emit(
        PendingOperation(kind: .same(source), name: node.name), to: grid, shape: shape, node)
    case .pending(let operation): tensor = try emit(operation, to: grid, shape: shape, node)
    case .integer: throw node.error("quantizes integers")
    case .softmax(let source):
      guard let result = try emitSoftmax(source, to: grid, shape: shape, node) else {
        // On a grid that no integer softmax has: still only understood at the network's end.
        try bind(node, .softmax(source), shape: shape)
        return
      }
      tensor = result
    }
    try bind(node, .integer(tensor), shape: shape)
  }

  /// The integer type of a QuantizeLinear without a zero point.
  private func declaredType(
    _ node: ImportNode
  ) throws(ImportError) -> OnnxIntegerTensor.ElementType {
    guard let number = try node.integer("output_dtype"), number != 0 else { return .uint8 }
    guard let type = Int32(exactly: number).flatMap(OnnxIntegerTensor.ElementType.init) else {
      throw node.unsupported("values of type \(number)")
    }
    return type
  }

  private func checkNotBlocked(_ node: ImportNode) throws(ImportError) {
    guard try node.integer("block_size") ?? 0 == 0 else {
      throw node.unsupported("scales for blocks")
    }
  }

  /// An input's binding where it is a float constant; nil for an activation.
  private mutating func constantBinding(
    _ node: ImportNode, _ index: Int
  ) throws(ImportError) -> OnnxConverter.Binding? {
    guard weights[node.inputs[index]] == nil else { throw node.error("quantizes integers") }
    let binding = try float.binding(node, index)
    if case .constant = binding { return binding }
    return nil
  }

  private mutating func define(
    _ name: String, _ constant: OnnxWeights, by node: ImportNode
  ) throws(ImportError) {
    guard float.binding(of: name) == nil, float.initializer(name) == nil,
      weights.updateValue(constant, forKey: name) == nil
    else { throw node.error("output '\(printable(name))' already exists") }
  }

  /// Constant nodes of small integers are kept as they are; all others are shape arithmetic.
  mutating func constant(_ node: ImportNode) throws(ImportError) {
    guard let tensor = try node.tensor("value"), let name = node.outputs.first,
      [2, 3, 21, 22].contains(tensor.elementType)
    else { return try delegate(node) }
    guard float.binding(of: name) == nil, float.initializer(name) == nil, weights[name] == nil,
      float.constantTensors.updateValue(tensor, forKey: name) == nil
    else { throw node.error("output '\(printable(name))' already exists") }
  }

  /// That a node states the grid that its integer input has.
  mutating func checkGrid(
    _ node: ImportNode, of tensor: Int, scale: Int, zeroPoint: Int
  ) throws(ImportError) {
    let stated = try float.grid(node, scale: scale, zeroPoint: zeroPoint)
    guard stated == grid(of: tensor) else {
      throw node.unsupported("integers read on another grid than they were quantized to")
    }
  }

  // MARK: Float operators

  /// What an operator that the float converter understood is here.
  mutating func adopt(
    _ operation: FloatGraph.Operation, inputs: [Int], output: Int, node: ImportNode
  ) throws(ImportError) {
    let first = try state(inputs[0], node)
    switch operation.base {
    case is FloatGraph.Reshape:
      states[output] = first
    case is FloatGraph.Softmax:
      guard let tensor = try realTensor(inputs[0], node) else {
        throw node.unsupported("on a value that is not quantized")
      }
      states[output] = .softmax(tensor)
    case let clamp as FloatGraph.Clamp:
      let (low, high) = (clamp.low, clamp.high)
      switch first {
      case .pending(let pending): states[output] = .pending(pending.clamped(low: low, high: high))
      case .real(let tensor):
        states[output] = .pending(
          PendingOperation(kind: .same(tensor), name: node.name, low: low, high: high))
      default: throw node.unsupported("on a value that is not real")
      }
    default:
      try adoptRegion(operation, inputs: inputs, output: output, node: node)
    }
  }

  /// Operators that read images; on integers they stay on the grid, and only some can.
  private mutating func adoptRegion(
    _ operation: FloatGraph.Operation, inputs: [Int], output: Int, node: ImportNode
  ) throws(ImportError) {
    var tensors: [Int] = []
    var areReal: [Bool] = []
    for input in inputs {
      if let tensor = try realTensor(input, node) {
        tensors.append(tensor)
        areReal.append(true)
      } else if case .integer(let tensor) = try state(input, node) {
        tensors.append(tensor)
        areReal.append(false)
      } else {
        throw node.unsupported("on a value that is not quantized")
      }
      try requireImage(tensors[tensors.count - 1], shape: float.graph.values[input].shape, node)
    }
    guard Set(areReal).count == 1 else { throw node.error("reads real numbers and integers") }
    let isReal = areReal[0]
    let kind: PendingOperation.Kind
    switch operation.base {
    case let pooling as FloatGraph.MaxPool: kind = .maxPool(pooling.window, tensors[0])
    case let slice as FloatGraph.Slice: kind = .slice(slice, tensors[0])
    case let concatenation as FloatGraph.Concatenate:
      guard tensors.count <= 64 else { throw node.unsupported("more than 64 inputs") }
      kind = .concatenate(axis: concatenation.axis, tensors)
    case let pooling as FloatGraph.AveragePool where isReal:
      kind = .averagePool(pooling, tensors[0])
    case is FloatGraph.GlobalAveragePool where isReal: kind = .mean(tensors[0])
    case let padding as FloatGraph.Pad where isReal: kind = .pad(padding, tensors[0])
    default: throw node.unsupported("on quantized values")
    }
    let pending = PendingOperation(kind: kind, name: node.name)
    if isReal {
      states[output] = .pending(pending)
      return
    }
    let grid = grid(of: tensors[0])
    guard tensors.allSatisfy({ self.grid(of: $0) == grid }) else {
      throw node.unsupported("integers of several grids")
    }
    states[output] = .integer(
      try emit(pending, to: grid, shape: float.graph.values[output].shape, node))
  }

  /// The sum of two activations, or a bias that stands apart from its layer.
  mutating func add(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes([])
    guard node.inputs.count == 2 else { throw node.error("needs 2 inputs") }
    let constants = try [0, 1].map { index throws(ImportError) in try isConstant(node, index) }
    if constants[0], constants[1] { return try delegate(node) }
    if let index = constants.firstIndex(of: true) {
      return try addBias(node, constant: index)
    }
    let (left, shape) = try realInput(node, 0)
    let (right, other) = try realInput(node, 1)
    guard shape == other else {
      throw node.unsupported("inputs of different shapes, \(shape) and \(other)")
    }
    try requireImage(left, shape: shape, node)
    try requireImage(right, shape: shape, node)
    try bind(
      node, .pending(PendingOperation(kind: .add(left, right), name: node.name)), shape: shape)
  }

  private mutating func isConstant(
    _ node: ImportNode, _ index: Int
  ) throws(ImportError) -> Bool {
    if node.hasInput(index), weights[node.inputs[index]] != nil { return true }
    if case .constant = try float.binding(node, index) { return true }
    return false
  }

  private mutating func addBias(
    _ node: ImportNode, constant index: Int
  ) throws(ImportError) {
    let (state, shape) = try activation(node, 1 - index)
    guard case .pending(var pending) = state, case .weighted(var layer) = pending.kind,
      case .none = layer.bias, pending.low == -.infinity, pending.high == .infinity,
      case .linear = layer.form
    else { throw node.unsupported("a constant added to anything but a linear layer's result") }
    layer.bias = try bias(node, index, layer: layer)
    pending.kind = .weighted(layer)
    try bind(node, .pending(pending), shape: shape)
  }
}
