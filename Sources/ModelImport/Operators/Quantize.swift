import CupelFloatGraph
import CupelIntegerBuilder
import CupelModelWriter
import CupelSupport
import CupelTFLiteSchema

/// Between real numbers and integers, and from one grid to another.
extension OperatorRoom {
  static let quantize = OperatorRoom(
    OnnxRow(
      "DequantizeLinear", ["axis", "block_size", "output_dtype"], in: .both,
      statesItsInputsGrid: true, quantized: { try $0.dequantize() }),
    OnnxRow(
      "QuantizeLinear", ["axis", "block_size", "output_dtype", "precision", "saturate"],
      in: .both, quantized: { try $0.quantize() }),
    TFLiteRow(.quantize, changesKind: true, integer: { try $0.quantize() }),
    TFLiteRow(
      .dequantize, changesKind: true, float: { try $0.dequantize() },
      integer: { try $0.dequantize() }))
}

extension QuantizedOnnxConverter {
  fileprivate mutating func dequantize() throws(ImportError) {
    try checkNotBlocked()
    if let number = try node.integer("output_dtype"), number != 0, number != 1 {
      throw node.unsupported("real numbers of \(OnnxTensorReader.typeName(number))")
    }
    guard node.hasInput(0), let name = node.outputs.first else {
      throw node.error("input or output is missing")
    }
    let axis = try node.integer("axis") ?? 1
    let source = node.inputs[0]
    if float.tensor(source) != nil || clipped[source] != nil {
      let constant = try integerWeights(0, axis: axis)
      try define(name, constant)
      // A single number may also be a fill value or a bound.
      if let value = constant.single {
        let elements = OnnxConstant.Elements.floats([value])
        try float.bind(
          name, to: .constant(.init(dimensions: constant.dimensions, elements: elements)))
      }
      return
    }
    if let constant = weights[source] {
      // Behind a QuantizeLinear of a constant, with the same scales.
      let parameters = try float.quantization(
        scale: 1, zeroPoint: 2, type: constant.quantization.type, axis: axis)
      guard parameters.scales == constant.quantization.scales,
        parameters.zeroPoints == constant.quantization.zeroPoints
      else { throw node.unsupported("a constant read on another grid than it was quantized to") }
      try define(name, constant)
      return
    }
    let (state, placed) = try placed()
    if case .ranking = state {
      try bind(state, like: placed)
      return
    }
    guard case .integer(let tensor, let type) = state else {
      throw node.unsupported("an input that is not quantized")
    }
    try checkGrid(of: tensor, type, scale: 1, zeroPoint: 2)
    try bind(.real(tensor), like: placed)
  }

  fileprivate mutating func quantize() throws(ImportError) {
    try checkNotBlocked()
    guard node.hasInput(0), let name = node.outputs.first else {
      throw node.error("input or output is missing")
    }
    let type = try declaredType()
    try node.require(weights[node.inputs[0]] == nil, "quantizes integers")
    if case .constant(let constant) = try float.binding(0) {
      guard case .floats(let values) = constant.elements else {
        throw node.error("input 0 does not hold floats")
      }
      let parameters = try float.quantization(
        scale: 1, zeroPoint: 2, type: type, axis: try node.integer("axis") ?? 1)
      let quantized = try OnnxWeights(
        floats: values, dimensions: constant.dimensions, parameters, node: node,
        budget: &float.budget)
      try define(name, quantized)
      return
    }
    let (state, placed) = try placed()
    let shape = placed.shape
    let (grid, own) = try float.grid(scale: 1, zeroPoint: 2, type: type)
    var target = Target(
      grid: grid, shape: shape, name: outputName, isSigned: own == .int8 && staysSigned(name))
    let tensor: Int
    switch state {
    case .floatInput: tensor = try quantizeInput(shape: shape, grid: grid)
    case .real(let source):
      tensor = try PendingOperation.same(source, name: node.name).emit(to: target, with: &self)
    case .pending(let operation):
      target.shape = operation.shape ?? shape
      tensor = try operation.emit(to: target, with: &self)
    case .integer: throw node.error("quantizes integers")
    case .ranking(let ranking):
      guard let result = try ranking.emit(&self, target) else {
        // Still only understood at the network's end.
        try bind(.ranking(ranking), like: placed)
        return
      }
      tensor = result
    }
    if target.isSigned { signedTensors.insert(tensor) }
    try bind(.integer(tensor, own), like: placed)
  }

  /// The integer type of a QuantizeLinear without a zero point.
  private func declaredType() throws(ImportError) -> OnnxIntegerTensor.ElementType {
    guard let number = try node.integer("output_dtype"), number != 0 else { return .uint8 }
    guard let type = Int32(exactly: number).flatMap(OnnxIntegerTensor.ElementType.init) else {
      throw node.unsupported("integers of \(OnnxTensorReader.typeName(number))")
    }
    return type
  }

  private func checkNotBlocked() throws(ImportError) {
    if try node.flag("block_size") { throw node.unsupported("scales for blocks") }
    if let precision = try node.integer("precision"), precision != 0, precision != 1 {
      throw node.unsupported("a division in \(OnnxTensorReader.typeName(precision))")
    }
  }

  /// Gives a name to constants.
  mutating func define(_ name: String, _ constant: OnnxWeights) throws(ImportError) {
    guard float.isFree(name), weights.updateValue(constant, forKey: name) == nil else {
      throw node.error("output '\(printable(name))' already exists")
    }
  }
}

extension TFLiteFloatConverter {
  /// Only of constants: weights stored in fewer bits.
  fileprivate mutating func dequantize() throws(ImportError) {
    guard try isConstant(0) else { throw node.unsupported("of an activation") }
    bindings[try node.output()] = .stored(try node.input(0))
  }
}

extension TFLiteIntegerConverter {
  /// At the edge of a float model the program begins with what a QUANTIZE gives; elsewhere it is a
  /// change of grid.
  fileprivate mutating func quantize() throws(ImportError) {
    let index = try node.output()
    let source = try node.input(0)
    if case .floatInput = bindings[source] {
      guard try node.tensor(0).shape == model.tensors[index].shape else {
        throw node.error("its input and its output have different shapes")
      }
      guard let input = inputs[source] else {
        bindings[index] = .tensor(try addInput(source, like: index))
        return
      }
      guard try description(index).grid == builder[input].grid else {
        throw node.unsupported("a second grid for the model's float input")
      }
      bindings[index] = .tensor(input)
      return
    }
    let input = try activation()
    let held = builder[input]
    let output = try description(index)
    if held.grid == output.grid, held.extent == output.extent {
      bindings[index] = .tensor(input)
      return
    }
    var scale = try node.built { () throws(BuildError) in
      try builder.rescale(from: held.grid, to: output.grid)
    }
    // XNNPACK does not take a change of the elements' type.
    if !held.grid.isWide, !output.grid.isWide,
      try node.tensor(0).type != model.tensors[index].type
    {
      scale.rounding = builder.profile.activationMode
    }
    try finish(.requantize(.init(scale)), [input], extent: held.extent)
  }

  fileprivate mutating func dequantize() throws(ImportError) {
    let output = try node.output()
    bindings[output] = .dequantized(try activation())
  }
}
