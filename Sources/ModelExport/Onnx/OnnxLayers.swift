import IntegerBuilder
import IntegerOperators
import ModelWriter
import OnnxSchema

/// Layers, shapes, and what operators of one or two inputs have in common, in channel-first order.
extension OnnxExporter {
  // MARK: Layers

  /// A layer that slides a window.
  ///
  /// - Parameters:
  ///   - depth: input channels of a group.
  ///   - order: from the program's order of weights to [O][I][taps].
  mutating func addSliding<Own: WeightedOperator>(
    _ operation: IntegerOperation, _ window: Window, _ own: Own, depth: Int, groups: Int,
    order: Transposition
  ) where Own.Storage == InMemory {
    let channels = program.tensors[operation.output].channels
    let source = image(operation.inputs[0])
    let constants = addConstants(
      operation, own, shape: [channels, depth, window.kernelHeight, window.kernelWidth],
      order: order)
    let result = intermediate(operation.output, "sum")
    var attributes = attributes(window, operation, isPool: false)
    attributes.append(.integer("group", groups))
    node("Conv", [source] + constants, result, name: operation.name, attributes)
    finish(result, low: own.weights.low, high: own.weights.high, to: operation.output)
  }

  /// A layer's weights and bias, as inputs of a node.
  ///
  /// - Parameters:
  ///   - order: from the program's order of weights to the file's.
  ///   - axis: of the weights' shape, along which output channels lie.
  mutating func addConstants<Own: WeightedOperator>(
    _ operation: IntegerOperation, _ own: Own, shape: [Int], order: Transposition, axis: Int = 0
  ) -> [String] where Own.Storage == InMemory {
    let positive = PositiveScales(own.weights, channelsLast: Own.channelsAreColumns)
    if let subject = positive.note { note(operation, subject) }
    let weights = addWeights(
      operation, order(positive.weights), positive, bits: own.weights.bits, shape: shape,
      axis: axis)
    return [weights, addBias(operation, positive)]
  }

  /// Weights behind a DequantizeLinear: one scale where all are equal, else one a channel.
  private mutating func addWeights(
    _ operation: IntegerOperation, _ values: [Int8], _ positive: PositiveScales, bits: Int,
    shape: [Int], axis: Int
  ) -> String {
    let name = operation.name + "/weights"
    let scales = oneOrAll(positive.scales)
    let integers = file.add(
      .init(
        name: unique(name), dimensions: shape, type: bits == 4 ? .int4 : .int8,
        raw: bits == 4 ? packedPairs(values) : values.map { UInt8(bitPattern: $0) }))
    let inputs = [
      integers, addScales(scales, name: name),
      addZeros(scales.count, bits: bits, name: name),
    ]
    let result = unique(name + "/real")
    node("DequantizeLinear", inputs, result, [.integer("axis", axis)])
    return result
  }

  private mutating func addBias(
    _ operation: IntegerOperation, _ positive: PositiveScales
  ) -> String {
    let name = operation.name + "/bias"
    let input = program.tensors[operation.inputs[0]].scale
    let scales = oneOrAll(positive.scales).map { input * $0 }
    let integers = file.add(
      .init(
        name: unique(name), dimensions: [positive.bias.count], type: .int32,
        raw: positive.bias.flatMap(littleEndian)))
    let zeros = [UInt8](repeating: 0, count: 4 * scales.count)
    let zeroPoints = file.add(
      .init(
        name: unique(name + "/zero"), dimensions: scales.count == 1 ? [] : [scales.count],
        type: .int32, raw: zeros))
    let result = unique(name + "/real")
    node(
      "DequantizeLinear", [integers, addScales(scales, name: name), zeroPoints], result,
      [.integer("axis", 0)])
    return result
  }

  private func oneOrAll(_ scales: [Float]) -> [Float] {
    Set(scales).count == 1 ? Array(scales.prefix(1)) : scales
  }

  private mutating func addScales(_ scales: [Float], name: String) -> String {
    file.add(
      .init(
        name: unique(name + "/scale"), dimensions: scales.count == 1 ? [] : [scales.count],
        type: .float32, raw: scales.flatMap { littleEndian($0.bitPattern) }))
  }

  private mutating func addZeros(_ count: Int, bits: Int, name: String) -> String {
    file.add(
      .init(
        name: unique(name + "/zero"), dimensions: count == 1 ? [] : [count],
        type: bits == 4 ? .int4 : .int8,
        raw: [UInt8](repeating: 0, count: bits == 4 ? count / 2 + count % 2 : count)))
  }

  // MARK: Shapes

  /// A tensor's real values as an image.
  mutating func image(_ tensor: Int) -> String {
    let name = dequantized(tensor)
    guard flat.contains(tensor) else { return name }
    let result = intermediate(tensor, "image")
    let shape = integers([0, program.tensors[tensor].channels, 1, 1])
    node("Reshape", [name, shape], result)
    return result
  }

  /// A tensor's real values in one row, channel first.
  mutating func flattened(_ tensor: Int) -> String {
    let name = dequantized(tensor)
    if flat.contains(tensor) { return name }
    // Flattened, quantized and dequantized again, so that the linear layer has one of its own.
    let result = intermediate(tensor, "flat")
    node("Flatten", [name], result, [.integer("axis", 1)])
    let integers = intermediate(tensor, "flat/quantized")
    let again = intermediate(tensor, "flat/real")
    let grid = gridInputs(tensor)
    node("QuantizeLinear", [result] + grid, integers)
    node("DequantizeLinear", [integers] + grid, again)
    return again
  }

  private func attributes(
    _ window: Window, _ operation: IntegerOperation, isPool: Bool
  ) -> [OnnxAttribute] {
    let padded = PaddedWindow(
      window, input: program.tensors[operation.inputs[0]],
      output: program.tensors[operation.output])
    let (rows, columns) = (padded.rows, padded.columns)
    let shape: [OnnxAttribute] = [
      .integers("kernel_shape", [window.kernelHeight, window.kernelWidth]),
      .integers("strides", [window.strideHeight, window.strideWidth]),
      .integers("pads", [rows.before, columns.before, rows.after, columns.after]),
    ]
    // ONNX Runtime fuses poolings into an operator of its own, which has no dilations to state.
    let dilations = [window.dilationHeight, window.dilationWidth]
    return isPool && dilations == [1, 1] ? shape : shape + [.integers("dilations", dilations)]
  }

  // MARK: Operators of one or two inputs

  mutating func addUnary(
    _ type: String, _ operation: IntegerOperation, low: Int8, high: Int8,
    _ attributes: [OnnxAttribute] = []
  ) {
    let source = image(operation.inputs[0])
    let result = intermediate(operation.output, "real-result")
    node(type, [source], result, name: operation.name, attributes)
    finish(result, low: low, high: high, to: operation.output)
  }

  mutating func addPool(_ type: String, _ operation: IntegerOperation, _ window: Window) {
    let isWide = program.tensors[operation.output].bits == 8
    addUnary(
      type, operation, low: isWide ? -128 : -8, high: isWide ? 127 : 7,
      attributes(window, operation, isPool: true))
  }

  mutating func addBinary(
    _ type: String, _ operation: IntegerOperation, low: Int8, high: Int8
  ) {
    let sources = operation.inputs.map { image($0) }
    let result = intermediate(operation.output, "sum")
    node(type, sources, result, name: operation.name)
    finish(result, low: low, high: high, to: operation.output)
  }
}
