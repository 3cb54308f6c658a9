/// How parameters follow their gradients. The formulas are PyTorch's.
public enum Optimizer: Sendable, Equatable {
  /// Kingma and Ba 2015, with β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
  case adam(learningRate: Float)
  /// Momentum without damping; weight decay is added to every parameter's gradient, whatever it is
  /// of.
  case sgd(learningRate: Float, momentum: Float, weightDecay: Float)

  package var isValid: Bool {
    switch self {
    case .adam(let rate): rate.isFinite && rate >= 0
    case .sgd(let rate, let momentum, let decay):
      [rate, momentum, decay].allSatisfy { $0.isFinite && $0 >= 0 } && momentum < 1
    }
  }
}

/// An optimizer at work on a list of arrays.
package struct OptimizerState: Sendable {
  private let optimizer: Optimizer
  private var steps = 0
  /// The momentum, or Adam's first moment.
  private var first: [[Float]]
  /// Adam's second moment.
  private var second: [[Float]]

  package init(_ optimizer: Optimizer, sizes: [Int]) {
    self.optimizer = optimizer
    first = sizes.map { [Float](repeating: 0, count: $0) }
    if case .adam = optimizer { second = first } else { second = [] }
  }

  /// One step.
  ///
  /// - Parameters:
  ///   - gradients: as many and as large as `parameters`.
  ///   - factor: of the learning rate, by its schedule.
  package mutating func step(
    _ parameters: inout [[Float]], gradients: [[Float]], factor: Float = 1
  ) {
    steps += 1
    for index in parameters.indices {
      switch optimizer {
      case .adam(let rate):
        adam(&parameters[index], gradients[index], index, rate: rate * factor)
      case .sgd(let rate, let momentum, let decay):
        sgd(
          &parameters[index], gradients[index], index, rate: rate * factor, momentum: momentum,
          decay: decay)
      }
    }
  }

  private mutating func adam(
    _ values: inout [Float], _ gradient: [Float], _ index: Int, rate: Float
  ) {
    let step = rate / (1 - Self.power(0.9, steps))
    let correction = (1 - Self.power(0.999, steps)).squareRoot()
    for element in values.indices {
      let slope = gradient[element]
      let mean = 0.9 * first[index][element] + 0.1 * slope
      let square = 0.999 * second[index][element] + 0.001 * slope * slope
      first[index][element] = mean
      second[index][element] = square
      values[element] -= step * mean / (square.squareRoot() / correction + 1e-8)
    }
  }

  private mutating func sgd(
    _ values: inout [Float], _ gradient: [Float], _ index: Int, rate: Float, momentum: Float,
    decay: Float
  ) {
    for element in values.indices {
      let slope = gradient[element] + decay * values[element]
      let velocity = momentum * first[index][element] + slope
      first[index][element] = velocity
      values[element] -= rate * velocity
    }
  }

  /// base^exponent in double, by squaring, so that it is the same everywhere.
  private static func power(_ base: Double, _ exponent: Int) -> Float {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return Float(result)
  }
}
