import IntegerBuilder
import ModelWriter

/// The float operator that each operation is, in channel-first order.
extension OnnxExporter {
  mutating func add(_ operation: IntegerOperation) throws(ExportError) {
    let output = operation.output
    let own = program.tensors[output]
    let (lowest, highest): (Int8, Int8) = own.bits == 8 ? (-128, 127) : (-8, 7)
    switch operation.kind {
    case .convolution(let window, let groups, let weighted):
      addConvolution(operation, window, groups: groups, weighted)
    case .depthwiseConvolution(let window, let weighted):
      addConvolution(operation, window, groups: nil, weighted)
    case .fullyConnected(let weighted): addLinear(operation, weighted)
    case .add(let add): addBinary("Add", operation, low: add.low, high: add.high)
    case .subtract(let add): addBinary("Sub", operation, low: add.low, high: add.high)
    case .multiply(let scale): addBinary("Mul", operation, low: scale.low, high: scale.high)
    case .averagePool(let window):
      addUnary(
        "AveragePool", operation, low: lowest, high: highest,
        attributes(window, operation, isPool: true))
    case .maxPool(let window):
      addUnary(
        "MaxPool", operation, low: lowest, high: highest,
        attributes(window, operation, isPool: true))
    case .mean(let scale):
      addUnary("GlobalAveragePool", operation, low: scale.low, high: scale.high)
    case .requantize(let scale):
      finish(image(operation.inputs[0]), low: scale.low, high: scale.high, to: output)
    case .clamp(let low, let high):
      finish(image(operation.inputs[0]), low: low, high: high, to: output)
    case .pad(let padding, let value): addPad(operation, padding, value: value)
    case .slice(let slice): addSlice(operation, slice)
    case .concatenate(let axis):
      let inputs = operation.inputs.map { image($0) }
      let result = intermediate(output, "joined")
      node("Concat", inputs, result, name: operation.name, [("axis", .integer([2, 3, 1][axis]))])
      quantize(result, output)
    case .softmax: try addSoftmax(operation)
    case .lookup, .transpose, .reshape, .broadcast, .constant:
      throw .operation(
        name: operation.name, "it has no form between QuantizeLinear and DequantizeLinear here")
    }
  }

  // MARK: Layers

  /// - Parameter groups: nil for a depthwise convolution.
  private mutating func addConvolution(
    _ operation: IntegerOperation, _ window: IntegerOperation.Window, groups: Int?,
    _ weighted: IntegerOperation.Weighted
  ) {
    let input = program.tensors[operation.inputs[0]]
    let channels = program.tensors[operation.output].channels
    let positive = PositiveScales(weighted, channelsLast: groups == nil)
    if let subject = positive.note { note(operation, subject) }
    let taps = window.kernelHeight * window.kernelWidth
    // From [O][taps][I], or [taps][C], to [O][I][taps].
    let depth = groups.map { input.channels / $0 } ?? 1
    var ordered = [Int8](repeating: 0, count: positive.weights.count)
    for row in 0..<channels {
      for tap in 0..<taps {
        for column in 0..<depth {
          let place =
            groups == nil ? tap * channels + row : (row * taps + tap) * depth + column
          ordered[(row * depth + column) * taps + tap] = positive.weights[place]
        }
      }
    }
    let shape = [channels, depth, window.kernelHeight, window.kernelWidth]
    let source = image(operation.inputs[0])
    let weights = addWeights(
      operation, ordered, positive, bits: weighted.bits, shape: shape)
    let bias = addBias(operation, positive)
    let result = intermediate(operation.output, "sum")
    var attributes = attributes(window, operation, isPool: false)
    attributes.append(("group", .integer(groups ?? channels)))
    node("Conv", [source, weights, bias], result, name: operation.name, attributes)
    finish(result, low: weighted.low, high: weighted.high, to: operation.output)
  }

  private mutating func addLinear(
    _ operation: IntegerOperation, _ weighted: IntegerOperation.Weighted
  ) {
    let input = program.tensors[operation.inputs[0]]
    let outputs = program.tensors[operation.output].channels
    let positive = PositiveScales(weighted, channelsLast: false)
    if let subject = positive.note { note(operation, subject) }
    // A flattened image is [H][W][C] here and [C][H][W] to the file's layer.
    let (area, channels) = (input.height * input.width, input.channels)
    var ordered = [Int8](repeating: 0, count: positive.weights.count)
    for row in 0..<outputs {
      for position in 0..<area {
        for channel in 0..<channels {
          let base = row * area * channels
          ordered[base + channel * area + position] =
            positive.weights[base + position * channels + channel]
        }
      }
    }
    let source = flattened(operation.inputs[0])
    let weights = addWeights(
      operation, ordered, positive, bits: weighted.bits, shape: [outputs, area * channels])
    let bias = addBias(operation, positive)
    let result = intermediate(operation.output, "sum")
    node(
      "Gemm", [source, weights, bias], result, name: operation.name, [("transB", .integer(1))])
    markFlat(operation.output)
    finish(result, low: weighted.low, high: weighted.high, to: operation.output)
  }

  /// Weights behind a DequantizeLinear: one scale where all are equal, else one a channel.
  private mutating func addWeights(
    _ operation: IntegerOperation, _ values: [Int8], _ positive: PositiveScales, bits: Int,
    shape: [Int]
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
    node("DequantizeLinear", inputs, result, [("axis", .integer(0))])
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
      [("axis", .integer(0))])
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
  private mutating func image(_ tensor: Int) -> String {
    let name = dequantized(tensor)
    guard flat.contains(tensor) else { return name }
    let result = intermediate(tensor, "image")
    let shape = integers([0, program.tensors[tensor].channels, 1, 1])
    node("Reshape", [name, shape], result)
    return result
  }

  /// A tensor's real values in one row, channel first.
  private mutating func flattened(_ tensor: Int) -> String {
    let name = dequantized(tensor)
    if flat.contains(tensor) { return name }
    // Flattened, quantized and dequantized again, so that the linear layer has one of its own.
    let result = intermediate(tensor, "flat")
    node("Flatten", [name], result, [("axis", .integer(1))])
    let integers = intermediate(tensor, "flat/quantized")
    let again = intermediate(tensor, "flat/real")
    let grid = gridInputs(tensor)
    node("QuantizeLinear", [result] + grid, integers)
    node("DequantizeLinear", [integers] + grid, again)
    return again
  }

  private func attributes(
    _ window: IntegerOperation.Window, _ operation: IntegerOperation, isPool: Bool
  ) -> [(name: String, value: OnnxFile.Attribute)] {
    let (rows, columns) = program.axes(window, of: operation)
    let shape: [(name: String, value: OnnxFile.Attribute)] = [
      ("kernel_shape", .integers([window.kernelHeight, window.kernelWidth])),
      ("strides", .integers([window.strideHeight, window.strideWidth])),
      ("pads", .integers([rows.before, columns.before, rows.after, columns.after])),
    ]
    // ONNX Runtime fuses poolings into an operator of its own, which has no dilations to state.
    let dilations = [window.dilationHeight, window.dilationWidth]
    return isPool && dilations == [1, 1] ? shape : shape + [("dilations", .integers(dilations))]
  }

  // MARK: Other operators

  private mutating func addUnary(
    _ type: String, _ operation: IntegerOperation, low: Int8, high: Int8,
    _ attributes: [(name: String, value: OnnxFile.Attribute)] = []
  ) {
    let source = image(operation.inputs[0])
    let result = intermediate(operation.output, "real-result")
    node(type, [source], result, name: operation.name, attributes)
    finish(result, low: low, high: high, to: operation.output)
  }

  private mutating func addBinary(
    _ type: String, _ operation: IntegerOperation, low: Int8, high: Int8
  ) {
    let sources = operation.inputs.map { image($0) }
    let result = intermediate(operation.output, "sum")
    node(type, sources, result, name: operation.name)
    finish(result, low: low, high: high, to: operation.output)
  }

  /// Over features; its exponents are the input's real values as they are.
  private mutating func addSoftmax(_ operation: IntegerOperation) throws(ExportError) {
    let input = program.tensors[operation.inputs[0]]
    let ratio = min(Double(input.scale) * 0x1p26, 0x1p31 - 1)
    guard case .softmax(let own) = operation.kind, input.height * input.width == 1,
      let derived = Multiplier(ratio / 2), derived.value == own.multiplier,
      derived.shift + 1 == own.leftShift
    else {
      throw .operation(name: operation.name, "it is not a plain softmax of features")
    }
    let result = intermediate(operation.output, "shares")
    node(
      "Softmax", [flattened(operation.inputs[0])], result, name: operation.name,
      [("axis", .integer(1))])
    markFlat(operation.output)
    quantize(result, operation.output)
  }

  private mutating func addPad(
    _ operation: IntegerOperation, _ padding: IntegerOperation.Padding, value: Int8
  ) {
    let from = program.tensors[operation.inputs[0]]
    let to = program.tensors[operation.output]
    let after = [
      to.channels - from.channels - padding.front, to.height - from.height - padding.top,
      to.width - from.width - padding.left,
    ]
    let amounts = integers([0, padding.front, padding.top, padding.left, 0] + after)
    let fill = number(from.scale * Float(Int(value) - from.zeroPoint))
    let result = intermediate(operation.output, "padded")
    node(
      "Pad", [image(operation.inputs[0]), amounts, fill], result, name: operation.name)
    quantize(result, operation.output)
  }

  private mutating func addSlice(_ operation: IntegerOperation, _ slice: IntegerOperation.Slice) {
    let to = program.tensors[operation.output]
    let order = [2, 0, 1]
    let counts = [to.height, to.width, to.channels]
    let starts = order.map { slice.start[$0] }
    let ends = order.map { slice.start[$0] + slice.step[$0] * (counts[$0] - 1) + 1 }
    let inputs = [
      image(operation.inputs[0]), integers(starts), integers(ends), integers([1, 2, 3]),
      integers(order.map { slice.step[$0] }),
    ]
    let result = intermediate(operation.output, "slice")
    node("Slice", inputs, result, name: operation.name)
    quantize(result, operation.output)
  }
}
