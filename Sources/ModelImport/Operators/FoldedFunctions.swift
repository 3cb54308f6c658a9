import CupelFloatGraph
import CupelSupport
import Foundation

/// Operators that exporters leave on constants alone, such as those that make an attention's mask.
extension OperatorRoom {
  static let foldedFunctions = OperatorRoom(
    OnnxRow("Mod", ["fmod"], float: { try $0.remainder() }),
    OnnxRow("Not", float: { try $0.negatedFlags() }),
    OnnxRow("ScatterND", ["reduction"], float: { try $0.scatter() }))
}

extension OnnxConverter {
  /// A function of one number of all elements of a constant.
  mutating func folded(
    _ function: any ElementwiseOperator, _ constant: OnnxConstant
  ) throws(ImportError) -> Binding {
    try budget.claim(constant.count, size: constant.elementSize, for: node)
    switch constant.elements {
    case .floats(let values):
      return .constant(
        OnnxConstant(
          dimensions: constant.dimensions, elements: .floats(values.map(function.value(at:)))))
    case .integers(let values):
      guard let negation = function as? FloatGraph.MathFunction, negation.kind == .negation else {
        throw node.unsupported("of integers")
      }
      var result: [SymbolicInteger] = []
      for value in values {
        guard let own = SymbolicInteger(0).subtracting(value) else { throw node.error("overflows") }
        result.append(own)
      }
      return .constant(.integers(result, dimensions: constant.dimensions))
    }
  }

  /// A constant to a constant power.
  mutating func foldedPower() throws(ImportError) -> Binding {
    let (base, exponent) = try broadcast(try folded(0), try folded(1))
    guard let numbers = try reals(base), let powers = try reals(exponent) else {
      throw node.unsupported("of the batch size")
    }
    let values = zip(numbers, powers).map { powf($0, $1) }
    guard case .integers = base.elements else {
      return .constant(OnnxConstant(dimensions: base.dimensions, elements: .floats(values)))
    }
    var result: [SymbolicInteger] = []
    for value in values {
      guard value.magnitude <= 0x1p24, value == value.rounded() else {
        throw node.unsupported("of integers beyond 2²⁴")
      }
      result.append(SymbolicInteger(Int(value)))
    }
    return .constant(.integers(result, dimensions: base.dimensions))
  }

  private func reals(_ constant: OnnxConstant) throws(ImportError) -> [Float]? {
    if let floats = constant.floats { return floats }
    let known = try constant.integers?.known(or: node.unsupported("of the batch size"))
    return known?.map { Float($0) }
  }

  /// The remainder has the divisor's sign; with `fmod` the dividend's.
  fileprivate mutating func remainder() throws(ImportError) -> Binding {
    let (left, right) = try broadcast(try folded(0), try folded(1))
    let keepsSign = try node.flag("fmod")
    switch (left.elements, right.elements) {
    case (.floats(let a), .floats(let b)):
      let values = zip(a, b).map { keepsSign ? fmodf($0, $1) : $0 - ($0 / $1).rounded(.down) * $1 }
      return .constant(OnnxConstant(dimensions: left.dimensions, elements: .floats(values)))
    case (.integers(let a), .integers(let b)):
      let dividends = try a.known(or: node.unsupported("of the batch size"))
      let divisors = try b.known(or: node.unsupported("by the batch size"))
      var result: [SymbolicInteger] = []
      for (dividend, divisor) in zip(dividends, divisors) {
        let (rest, overflow) = dividend.remainderReportingOverflow(dividingBy: divisor)
        try node.require(!overflow && divisor != 0, "\(dividend) over \(divisor)")
        let isTurned = !keepsSign && rest != 0 && (rest < 0) != (divisor < 0)
        result.append(SymbolicInteger(isTurned ? rest + divisor : rest))
      }
      return .constant(.integers(result, dimensions: left.dimensions))
    default: throw node.error("inputs differ in type")
    }
  }

  fileprivate mutating func negatedFlags() throws(ImportError) -> Binding {
    let constant = try folded(0)
    guard let flags = constant.integers else { throw node.error("its input is not boolean") }
    let known = try flags.known(or: node.unsupported("of a comparison with the batch size"))
    try budget.claim(known.count, size: constant.elementSize, for: node)
    return .constant(
      .integers(
        known.map { SymbolicInteger($0 == 0 ? 1 : 0) }, dimensions: constant.dimensions))
  }

  /// A constant with some of its elements, or blocks of them, replaced.
  fileprivate mutating func scatter() throws(ImportError) -> Binding {
    let reduction = try node.text("reduction") ?? "none"
    try node.support(reduction == "none", "reduction '\(printable(reduction))'")
    let (data, updates) = (try folded(0), try folded(2))
    let indices = try folded(1)
    guard let places = indices.integers, let depth = indices.dimensions.last else {
      throw node.error("its indices are not integers")
    }
    let known = try places.known(or: node.unsupported("at places that depend on the batch size"))
    let shape = data.dimensions
    try node.require(depth >= 1 && depth <= shape.count, "indices of \(depth) axes of \(shape)")
    let block = shape[depth...].reduce(1, *)
    let count = known.count / depth
    try node.require(
      updates.dimensions == indices.dimensions.dropLast() + shape[depth...],
      "updates of shape \(updates.dimensions) for indices of \(indices.dimensions)")
    try budget.claim(data.count + count, size: data.elementSize, for: node)
    var starts: [Int] = []
    for index in 0..<count {
      var start = 0
      for axis in 0..<depth {
        let place = known[index * depth + axis]
        guard (-shape[axis]..<shape[axis]).contains(place) else {
          throw node.error("place \(place) lies outside axis \(axis) of \(shape[axis]) elements")
        }
        start = start * shape[axis] + (place < 0 ? place + shape[axis] : place)
      }
      starts.append(start * block)
    }
    switch (data.elements, updates.elements) {
    case (.floats(let own), .floats(let new)):
      let values = Self.replaced(own, new, at: starts, block: block)
      return .constant(OnnxConstant(dimensions: shape, elements: .floats(values)))
    case (.integers(let own), .integers(let new)):
      return .constant(
        .integers(Self.replaced(own, new, at: starts, block: block), dimensions: shape))
    default: throw node.error("inputs differ in type")
    }
  }

  private static func replaced<Element>(
    _ values: [Element], _ blocks: [Element], at starts: [Int], block: Int
  ) -> [Element] {
    var result = values
    for (index, start) in starts.enumerated() {
      result.replaceSubrange(
        start..<start + block, with: blocks[index * block..<(index + 1) * block])
    }
    return result
  }
}
