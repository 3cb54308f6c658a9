import FloatGraph
import ModelWriter

/// Operators that state the grids of what they read and write themselves.
extension QuantizedOnnxConverter {
  /// x, its scale and zero point, w, …, y's scale and zero point, and a bias of int32.
  mutating func qLinearConvolution(_ node: ImportNode) throws(ImportError) {
    let (input, shape) = try integerInput(node, 0)
    let weights = try integerWeights(node, 3, axis: 0)
    var (layer, output) = try convolutionLayer(node, input: input, shape: shape, weights: weights)
    if node.hasInput(8) { layer.bias = .integers(try integerBias(node, 8, layer.outputChannels)) }
    try finish(node, .weighted(layer), shape: output, scale: 6, zeroPoint: 7)
  }

  mutating func qLinearMatMul(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes([])
    let (input, shape) = try integerInput(node, 0)
    let weights = try integerWeights(node, 3, axis: 1)
    let (layer, output) = try linearLayer(
      node, input: input, shape: shape, weights: weights, isTransposed: false)
    try finish(node, .weighted(layer), shape: output, scale: 6, zeroPoint: 7)
  }

  /// A, its scale and zero point, B, …, a bias of int32, y's scale and zero point.
  mutating func qGemm(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes(["alpha", "transA", "transB"])
    guard try node.number("alpha") ?? 1 == 1, try node.integer("transA") ?? 0 == 0 else {
      throw node.unsupported("alpha other than 1, or transA")
    }
    let isTransposed = try node.integer("transB") ?? 0 != 0
    let (input, shape) = try integerInput(node, 0)
    let weights = try integerWeights(node, 3, axis: isTransposed ? 0 : 1)
    var (layer, output) = try linearLayer(
      node, input: input, shape: shape, weights: weights, isTransposed: isTransposed)
    if node.hasInput(6) { layer.bias = .integers(try integerBias(node, 6, layer.outputChannels)) }
    try finish(node, .weighted(layer), shape: output, scale: 7, zeroPoint: 8)
  }

  mutating func qLinearAdd(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes([])
    let (left, shape) = try integerInput(node, 0)
    let (right, other) = try integerInput(node, 3)
    guard shape == other else {
      throw node.unsupported("inputs of different shapes, \(shape) and \(other)")
    }
    try requireImage(left, shape: shape, node)
    try requireImage(right, shape: shape, node)
    try finish(node, .add(left, right), shape: shape, scale: 6, zeroPoint: 7)
  }

  mutating func qLinearGlobalAveragePool(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes(["channels_last"])
    try checkChannelsFirst(node)
    let (input, shape) = try integerInput(node, 0)
    guard shape.count == 3 else { throw node.unsupported("an input of shape \(shape)") }
    try requireImage(input, shape: shape, node)
    try finish(node, .mean(input), shape: [shape[0], 1, 1], scale: 3, zeroPoint: 4)
  }

  mutating func qLinearAveragePool(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes([
      "auto_pad", "ceil_mode", "channels_last", "count_include_pad", "kernel_shape", "pads",
      "strides",
    ])
    try checkChannelsFirst(node)
    let (input, shape) = try integerInput(node, 0)
    guard shape.count == 3, let kernel = try node.integers("kernel_shape"), kernel.count == 2,
      try node.integer("ceil_mode") ?? 0 == 0
    else { throw node.unsupported("only 2-D pooling without ceil_mode") }
    try requireImage(input, shape: shape, node)
    let window = try float.window(node, kernel: kernel, input: shape)
    let pooling = FloatGraph.AveragePool(
      window: window, countsPadding: try node.integer("count_include_pad") ?? 0 != 0)
    let output: [Int]
    do throws(RuleViolation) {
      output = try FloatGraph.Operation.averagePool(pooling).inferredShape(inputs: [shape]) ?? shape
    } catch {
      throw node.error(error.rule)
    }
    try finish(node, .averagePool(pooling, input), shape: output, scale: 3, zeroPoint: 4)
  }

  /// Y's scale and zero point, then each input with its own.
  mutating func qLinearConcat(_ node: ImportNode) throws(ImportError) {
    try node.allowAttributes(["axis"])
    guard node.inputs.count >= 5, (node.inputs.count - 2) % 3 == 0,
      let declared = try node.integer("axis")
    else { throw node.error("needs an axis, and three inputs for each part") }
    var tensors: [Int] = []
    var shapes: [[Int]] = []
    for index in stride(from: 2, to: node.inputs.count, by: 3) {
      let (tensor, shape) = try integerInput(node, index)
      try requireImage(tensor, shape: shape, node)
      tensors.append(tensor)
      shapes.append(shape)
    }
    let rank = shapes[0].count + 1
    let axis = declared < 0 ? declared &+ rank : declared
    guard (1..<rank).contains(axis) else { throw node.unsupported("axis \(declared) of \(rank)") }
    let output: [Int]
    do throws(RuleViolation) {
      let operation = FloatGraph.Operation.concatenate(axis: axis - 1)
      output = try operation.inferredShape(inputs: shapes) ?? shapes[0]
      try operation.check(inputs: shapes, output: output)
    } catch {
      throw node.error(error.rule)
    }
    guard tensors.count <= 64 else { throw node.unsupported("more than 64 inputs") }
    try finish(
      node, .concatenate(axis: axis - 1, tensors), shape: output, scale: 0, zeroPoint: 1)
  }

  // MARK: Parts

  private mutating func finish(
    _ node: ImportNode, _ kind: PendingOperation.Kind, shape: [Int], scale: Int, zeroPoint: Int
  ) throws(ImportError) {
    let grid = try float.grid(node, scale: scale, zeroPoint: zeroPoint)
    let pending = PendingOperation(kind: kind, name: node.name)
    try bind(node, .integer(try emit(pending, to: grid, shape: shape, node)), shape: shape)
  }

  private func checkChannelsFirst(_ node: ImportNode) throws(ImportError) {
    guard try node.integer("channels_last") ?? 0 == 0 else {
      throw node.unsupported("channels_last")
    }
  }

  /// The tensor at `index`, whose scale and zero point follow it.
  private mutating func integerInput(
    _ node: ImportNode, _ index: Int
  ) throws(ImportError) -> (tensor: Int, shape: [Int]) {
    let (state, shape) = try activation(node, index)
    guard case .integer(let tensor) = state else {
      throw node.unsupported("input \(index) is not quantized")
    }
    try checkGrid(node, of: tensor, scale: index + 1, zeroPoint: index + 2)
    return (tensor, shape)
  }

  private mutating func integerWeights(
    _ node: ImportNode, _ index: Int, axis: Int
  ) throws(ImportError) -> OnnxWeights {
    guard node.hasInput(index) else { throw node.error("input \(index) is missing") }
    let name = node.inputs[index]
    guard let tensor = float.initializer(name) ?? float.constantTensors[name] else {
      throw node.unsupported("weights that are not constant")
    }
    let integers = try OnnxIntegerTensor(tensor, name: name)
    let parameters = try float.quantization(
      node, scale: index + 1, zeroPoint: index + 2, type: integers.type, axis: axis)
    return try OnnxWeights(integers, parameters, node: node)
  }

  private mutating func integerBias(
    _ node: ImportNode, _ index: Int, _ channels: Int
  ) throws(ImportError) -> [Int] {
    guard let constant = try float.constant(node, index),
      case .integers(let list) = constant.elements
    else { throw node.unsupported("a bias that is not a constant of int32") }
    var values: [Int] = []
    for item in list {
      guard let known = item.known else { throw node.unsupported("a bias that is not constant") }
      values.append(known)
    }
    return try fitted(values, constant.dimensions, to: channels, node)
  }
}
