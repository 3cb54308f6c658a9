/// Integer weights as the file has them, not yet in the order of a layer.
struct OnnxWeights {
  private enum Source {
    case tensor(OnnxIntegerTensor)
    /// Zero points already taken off.
    case values([Int8])
  }

  let dimensions: [Int]
  let quantization: OnnxQuantization
  private let source: Source

  /// - Throws: `ImportError.invalidNode` where scales do not fit the axis.
  init(
    _ tensor: OnnxIntegerTensor, _ quantization: OnnxQuantization, node: ImportNode
  ) throws(ImportError) {
    var quantization = quantization
    quantization.axis = try Self.axis(quantization, of: tensor.dimensions, node: node)
    guard quantization.type == tensor.type || quantization.zeroPoints.allSatisfy({ $0 == 0 }) else {
      throw node.error("zero points and values differ in type")
    }
    dimensions = tensor.dimensions
    self.quantization = quantization
    source = .tensor(tensor)
  }

  /// Quantizes constant floats as QuantizeLinear does.
  init(
    floats: [Float], dimensions: [Int], _ quantization: OnnxQuantization, node: ImportNode,
    budget: inout ImportBudget
  ) throws(ImportError) {
    var quantization = quantization
    quantization.axis = try Self.axis(quantization, of: dimensions, node: node)
    try budget.claim(floats.count, size: 1, for: node)
    self.dimensions = dimensions
    self.quantization = quantization
    let isSigned = quantization.type.offset == 0
    let bits = quantization.type.bits
    try node.support(bits <= 8, "weights of \(bits) bits")
    let low = isSigned ? -(1 << (bits - 1)) : 0
    let high = low + (1 << bits) - 1
    var values = [Int8](repeating: 0, count: floats.count)
    for index in floats.indices {
      let channel = Self.channel(index, of: dimensions, quantization)
      let zero = quantization.zeroPoints[channel]
      let position = (floats[index] / quantization.scales[channel]).rounded(.toNearestOrEven)
      try node.require(!position.isNaN, "element \(index) is not a number")
      let integer = Int(min(max(position + Float(zero), Float(low)), Float(high))) - zero
      guard let value = Int8(exactly: integer) else {
        throw node.unsupported("weights further than 128 from their zero point")
      }
      values[index] = value
    }
    source = .values(values)
  }

  /// Scale of each of `count` output channels; fewer scales, but not none, serve in turn.
  func scales(_ count: Int) -> [Float] {
    let own = quantization.scales
    return own.count == count ? own : (0..<count).map { own[$0 % own.count] }
  }

  /// The weights, zero points taken off, each where `place` puts it, and the
  /// bits that they take.
  ///
  /// - Throws: where one is further than an int8 reaches from its zero point.
  func ordered(
    _ node: ImportNode, budget: inout ImportBudget, place: (Int) -> Int
  ) throws(ImportError) -> (values: [Int8], bits: Int) {
    let count = dimensions.reduce(1, *)
    try budget.claim(count, size: 1, for: node)
    var result = [Int8](repeating: 0, count: count)
    var isNarrow = quantization.type.bits == 4
    switch source {
    case .values(let values):
      for index in values.indices { result[place(index)] = values[index] }
    case .tensor(let tensor):
      try node.support(tensor.type.bits <= 8, "weights of 32 bits")
      var isPossible = true
      tensor.forEach { index, value in
        let channel = Self.channel(index, of: dimensions, quantization)
        let centred = value - quantization.zeroPoints[channel]
        isPossible = isPossible && (-128...127).contains(centred)
        result[place(index)] = Int8(truncatingIfNeeded: centred)
      }
      try node.support(isPossible, "weights further than 128 from their zero point")
    }
    isNarrow = isNarrow && result.allSatisfy { (-8...7).contains($0) }
    return (result, isNarrow ? 4 : 8)
  }

  /// The real number that a constant of one element stands for; nil for any other.
  var single: Float? {
    guard case .tensor(let tensor) = source, tensor.count == 1 else { return nil }
    var value = 0
    tensor.forEach { value = $1 }
    return Float(value - quantization.zeroPoints[0]) * quantization.scales[0]
  }

  /// The values of a bias, which is read once and has one a channel; nil where it is not of int32.
  func wholeNumbers(budget: inout ImportBudget) throws(ImportError) -> [Int]? {
    guard case .tensor(let tensor) = source, tensor.type == .int32 else { return nil }
    return try tensor.values(&budget)
  }

  /// The channels' axis counted from the front; scales must be one, or one a channel.
  private static func axis(
    _ quantization: OnnxQuantization, of dimensions: [Int], node: ImportNode
  ) throws(ImportError) -> Int {
    if quantization.isPerTensor { return 0 }
    let rank = dimensions.count
    let axis = quantization.axis < 0 ? quantization.axis &+ rank : quantization.axis
    guard (0..<rank).contains(axis), dimensions[axis] == quantization.scales.count else {
      throw node.error(
        "\(quantization.scales.count) scales do not fit axis \(quantization.axis) of "
          + "\(dimensions)")
    }
    return axis
  }

  private static func channel(
    _ index: Int, of dimensions: [Int], _ quantization: OnnxQuantization
  ) -> Int {
    if quantization.isPerTensor { return 0 }
    var inner = 1
    for extent in dimensions[(quantization.axis + 1)...] { inner *= extent }
    return index / inner % dimensions[quantization.axis]
  }
}
