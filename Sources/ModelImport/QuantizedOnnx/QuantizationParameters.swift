import CupelIntegerBuilder

/// Scales and zero points of a Quantize- or DequantizeLinear, one a tensor or one a channel.
struct OnnxQuantization {
  var scales: [Float]
  /// As many as scales, in the file's own type.
  var zeroPoints: [Int]
  var type: OnnxIntegerTensor.ElementType
  /// The channels' axis; of no meaning for a single scale.
  var axis: Int

  var isPerTensor: Bool { scales.count == 1 }
}

extension OnnxConverter {
  /// The scale and zero point at two inputs of a node.
  ///
  /// - Parameter type: that of the values, where the zero point is left out.
  /// - Throws: `ImportError` for scales that are not positive and finite, or lengths that differ.
  mutating func quantization(
    scale: Int, zeroPoint: Int, type: OnnxIntegerTensor.ElementType, axis: Int = 1
  ) throws(ImportError) -> OnnxQuantization {
    guard let constant = try constant(scale), case .floats(let scales) = constant.elements,
      constant.dimensions.count <= 1, !scales.isEmpty
    else { throw node.unsupported("a scale that is not one float32, or a list of them") }
    if let stored = tensor(node.inputs[scale]), stored.elementType != 1 {
      throw node.unsupported("a scale of \(OnnxTensorReader.typeName(stored.elementType))")
    }
    try node.require(
      scales.allSatisfy({ $0.isFinite && $0 > 0 }), "a scale is not positive and finite")
    var result = OnnxQuantization(
      scales: scales, zeroPoints: [Int](repeating: 0, count: scales.count), type: type, axis: axis)
    guard node.hasInput(zeroPoint) else { return result }
    guard let tensor = tensor(node.inputs[zeroPoint]) else {
      throw node.unsupported("a zero point that is not a constant")
    }
    let points = try OnnxIntegerTensor(tensor, name: node.inputs[zeroPoint])
    guard points.count == scales.count, points.dimensions.count <= 1 else {
      throw node.error("\(points.count) zero points for \(scales.count) scales")
    }
    result.type = points.type
    result.zeroPoints = try points.values(&budget)
    return result
  }

  /// The grid of an activation, moved to signed integers: one scale, 8 or 4 bits; and the type that
  /// the file has it in.
  ///
  /// - Parameter type: that of the values, where the zero point is left out.
  mutating func grid(
    scale: Int, zeroPoint: Int, type: OnnxIntegerTensor.ElementType
  ) throws(ImportError) -> (grid: Grid, type: OnnxIntegerTensor.ElementType) {
    let found = try quantization(scale: scale, zeroPoint: zeroPoint, type: type)
    try node.support(found.isPerTensor, "an activation with scales per channel")
    try node.support(found.type != .int32, "an activation of 32 bits")
    let grid = Grid(
      scale: found.scales[0], zeroPoint: found.zeroPoints[0] - found.type.offset,
      bits: found.type.bits)
    try node.require(grid.limits.contains(grid.zeroPoint), "a zero point outside its type")
    return (grid, found.type)
  }
}
