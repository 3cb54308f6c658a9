import CupelIntegerBuilder

/// Integer weights as the file has them, not yet in the order of a layer.
struct OnnxWeights {
  private enum Source {
    case tensor(OnnxIntegerTensor)
    /// The type's offset already taken off.
    case values([Int8])
  }

  private(set) var dimensions: [Int]
  private(set) var quantization: OnnxQuantization
  private let source: Source
  /// What a Clip leaves of the integers, in the file's own type; nil where there is none.
  private let limits: ClosedRange<Int>?
  /// From the source's order of elements to this one's; nil where they are the same.
  private var turn: Transposition?

  /// - Throws: `ImportError.invalidNode` where scales do not fit the axis.
  init(
    _ tensor: OnnxIntegerTensor, _ quantization: OnnxQuantization,
    within limits: ClosedRange<Int>? = nil, node: ImportNode
  ) throws(ImportError) {
    var quantization = quantization
    quantization.axis = try Self.axis(quantization, of: tensor.dimensions, node: node)
    guard quantization.type == tensor.type || quantization.zeroPoints.allSatisfy({ $0 == 0 }) else {
      throw node.error("zero points and values differ in type")
    }
    quantization.type = tensor.type
    dimensions = tensor.dimensions
    self.quantization = quantization
    self.limits = limits
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
    limits = nil
    let (bits, offset) = (quantization.type.bits, quantization.type.offset)
    try node.support(bits <= 8, "weights of \(bits) bits")
    let low = -(1 << (bits - 1))
    let high = -low - 1
    var values = [Int8](repeating: 0, count: floats.count)
    for index in floats.indices {
      let channel = Self.channel(index, of: dimensions, quantization)
      let zero = quantization.zeroPoints[channel] - offset
      let position = (floats[index] / quantization.scales[channel]).rounded(.toNearestOrEven)
      try node.require(!position.isNaN, "element \(index) is not a number")
      values[index] = Int8(min(max(position + Float(zero), Float(low)), Float(high)))
    }
    source = .values(values)
  }

  /// The same of integers that a Clip limits, in the file's own type.
  func limited(to limits: ClosedRange<Int>) -> OnnxWeights {
    var values: [Int8] = []
    values.reserveCapacity(dimensions.reduce(1, *))
    let offset = quantization.type.offset
    forEach { _, value in
      values.append(
        Int8(truncatingIfNeeded: min(max(value, limits.lowerBound), limits.upperBound) - offset))
    }
    return OnnxWeights(self, .values(values))
  }

  private init(_ other: OnnxWeights, _ source: Source) {
    (dimensions, quantization) = (other.dimensions, other.quantization)
    (self.source, limits, turn) = (source, nil, other.turn)
  }

  /// The matrix with its axes exchanged; nil for what is no matrix.
  var transposed: OnnxWeights? {
    guard dimensions.count == 2 else { return nil }
    var result = self
    result.dimensions.swapAt(0, 1)
    if !quantization.isPerTensor { result.quantization.axis = 1 - quantization.axis }
    // Twice is not at all.
    result.turn =
      turn == nil ? Transposition(rows: max(dimensions[0], 1), columns: max(dimensions[1], 1)) : nil
    return result
  }

  /// All elements, as the file's type has them, by their places.
  private func forEach(_ body: (Int, Int) -> Void) {
    switch source {
    case .values(let values):
      let offset = quantization.type.offset
      for index in values.indices {
        body(turn?.place(of: index) ?? index, Int(values[index]) + offset)
      }
    case .tensor(let tensor):
      tensor.forEach { index, value in
        let limited = limits.map { min(max(value, $0.lowerBound), $0.upperBound) }
        body(turn?.place(of: index) ?? index, limited ?? value)
      }
    }
  }

  /// Scale of each of `count` output channels; fewer scales, but not none, serve in turn.
  func scales(_ count: Int) -> [Float] {
    let own = quantization.scales
    return own.count == count ? own : (0..<count).map { own[$0 % own.count] }
  }

  /// Weights in a program's order.
  struct Ordered {
    var values: WideWeights
    var bits: Int
  }

  /// The weights, each where `place` puts it, with their zero points taken off.
  func ordered(
    _ node: ImportNode, budget: inout ImportBudget, place: (Int) -> Int
  ) throws(ImportError) -> Ordered {
    try node.support(quantization.type.bits <= 8, "weights of \(quantization.type.bits) bits")
    let count = dimensions.reduce(1, *)
    try budget.claim(count, size: 1, for: node)
    var values = [Int16](repeating: 0, count: count)
    var (low, high) = (0, 0)
    forEach { index, value in
      let channel = Self.channel(index, of: dimensions, quantization)
      let centred = value - quantization.zeroPoints[channel]
      (low, high) = (min(low, centred), max(high, centred))
      values[place(index)] = Int16(centred)
    }
    let isNarrow = quantization.type.bits == 4 && low >= -8 && high <= 7
    let wide = WideWeights(values)
    try budget.claim(count * (wide.parts.count - 1), size: 1, for: node)
    return Ordered(values: wide, bits: isNarrow ? 4 : 8)
  }

  /// The real numbers; nil where they are more than `count`.
  func reals(atMost count: Int) -> [Float]? {
    guard dimensions.reduce(1, *) <= count else { return nil }
    var result = [Float](repeating: 0, count: dimensions.reduce(1, *))
    forEach { index, value in
      let channel = Self.channel(index, of: dimensions, quantization)
      result[index] =
        Float(value - quantization.zeroPoints[channel]) * quantization.scales[channel]
    }
    return result
  }

  /// The real number that a constant of one element stands for; nil for any other.
  var single: Float? { reals(atMost: 1)?.first }

  /// The values of a bias, which is read once and has one a channel; nil where it is not of int32.
  func wholeNumbers(budget: inout ImportBudget) throws(ImportError) -> [Int]? {
    guard case .tensor(let tensor) = source, tensor.type == .int32, limits == nil else {
      return nil
    }
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
