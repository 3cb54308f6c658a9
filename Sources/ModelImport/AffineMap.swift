import CupelFloatGraph

/// An operation of an activation and a constant: one number, or one a channel.
struct AffineStep: Sendable {
  let operation: Arithmetic
  let values: [Float]
  /// Whether the constant is the first operand.
  let isFirst: Bool

  init(_ operation: Arithmetic, by values: [Float], isFirst: Bool) {
    (self.operation, self.values, self.isFirst) = (operation, values, isFirst)
  }

  /// The step itself, in float32.
  func apply(_ value: Float, channel: Int = 0) -> Float {
    let own = values[values.count == 1 ? 0 : channel]
    return isFirst ? operation.apply(own, value) : operation.apply(value, own)
  }
}

/// x · factor + offset: one for all channels, or one for each.
struct AffineMap: Sendable {
  private var factors: [Double]
  private var offsets: [Double]

  func factor(_ channel: Int) -> Double { factors[factors.count == 1 ? 0 : channel] }
  func offset(_ channel: Int) -> Double { offsets[offsets.count == 1 ? 0 : channel] }

  /// Whether nothing is multiplied.
  var isShift: Bool { factors.allSatisfy { $0 == 1 } }

  /// nil for what is no such map: a constant over an activation.
  init?(_ step: AffineStep) {
    let values = step.values.map(Double.init)
    switch (step.operation, step.isFirst) {
    case (.add, _): (factors, offsets) = ([1], values)
    case (.subtract, false): (factors, offsets) = ([1], values.map { -$0 })
    case (.subtract, true): (factors, offsets) = ([-1], values)
    case (.multiply, _): (factors, offsets) = (values, [0])
    case (.divide, false): (factors, offsets) = (values.map { 1 / $0 }, [0])
    case (.divide, true): return nil
    }
  }

  /// What a batch normalization with no statistics does; nil for any other.
  init?(_ normalization: FloatGraph.BatchNormalization) {
    guard normalization.epsilon == 0, normalization.mean.allSatisfy({ $0 == 0 }),
      normalization.variance.allSatisfy({ $0 == 1 })
    else { return nil }
    factors = normalization.gamma.map(Double.init)
    offsets = normalization.beta.map(Double.init)
  }

  /// This map of another one's results.
  func after(_ first: AffineMap) -> AffineMap {
    var result = self
    let factorCount = max(factors.count, first.factors.count)
    let offsetCount = [factors, offsets, first.offsets].map(\.count).max() ?? 1
    result.factors = (0..<factorCount).map { factor($0) * first.factor($0) }
    result.offsets = (0..<offsetCount).map { factor($0) * first.offset($0) + offset($0) }
    return result
  }

  /// The offsets of so many channels, added to others.
  func offsets(_ channels: Int, after bias: [Float]?) -> [Float] {
    (0..<channels).map { Float(Double(bias?[$0] ?? 0) + offset($0)) }
  }
}

extension ImportNode {
  /// What a constant does to an activation; nil where that is not one factor and one summand for
  /// all of it, or for each channel.
  ///
  /// - Parameters:
  ///   - dimensions: the constant's.
  ///   - shape: the activation's, without its batch axis.
  /// - Throws: `ImportError.invalidNode` for a division by zero.
  func map(
    _ step: AffineStep, dimensions: [Int], shape: [Int]
  ) throws(ImportError) -> AffineMap? {
    guard Self.isPerChannel(dimensions, shape: shape), let map = AffineMap(step) else { return nil }
    let channels = 0..<max(step.values.count, 1)
    guard step.values.allSatisfy(\.isFinite), channels.allSatisfy({ map.factor($0).isFinite })
    else {
      throw error("its constant is not finite, or divides by zero")
    }
    return map
  }

  /// Whether a constant broadcasts as one number per channel of an activation.
  private static func isPerChannel(_ dimensions: [Int], shape: [Int]) -> Bool {
    let channels = dimensions.reversed().dropFirst(shape.count - 1)
    let after = dimensions.suffix(shape.count - 1)
    guard after.allSatisfy({ $0 == 1 }), dimensions.count <= shape.count + 1 else { return false }
    guard let count = channels.first else { return true }
    return (count == shape[0] || count == 1) && channels.dropFirst().allSatisfy { $0 == 1 }
  }
}
