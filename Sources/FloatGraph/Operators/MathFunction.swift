import Foundation

extension FloatGraph {
  /// A function of one number that has no numbers of its own.
  public struct MathFunction: ElementwiseOperator {
    public static let name = "function of one number"

    /// The functions.
    public enum Kind: String, Sendable, CaseIterable {
      /// What the C library calls by these names, with `reciprocal` for 1 / x, `negation` for −x and
      /// `absolute` for |x|.
      case absolute, ceil, cos, erf, exp, floor, log, negation, reciprocal, sin, sqrt
      /// To the nearest integer, ties to even.
      case round
      /// −1, 0 or 1.
      case sign
      /// log(1 + exp(x))
      case softplus
      /// x / (1 + |x|)
      case softsign
    }

    /// Which function it is.
    public var kind: Kind

    /// That function.
    public init(_ kind: Kind) {
      self.kind = kind
    }

    public var isActivation: Bool { kind == .softplus || kind == .softsign }

    public func value(at x: Float) -> Float {
      switch kind {
      case .absolute: abs(x)
      case .ceil: x.rounded(.up)
      case .cos: cosf(x)
      case .erf: erff(x)
      case .exp: expf(x)
      case .floor: x.rounded(.down)
      case .log: logf(x)
      case .negation: -x
      case .reciprocal: 1 / x
      case .round: x.rounded(.toNearestOrEven)
      case .sign: x > 0 ? 1 : x < 0 ? -1 : x
      case .sin: sinf(x)
      case .softplus: max(x, 0) + log1pf(expf(-abs(x)))
      case .softsign: x / (1 + abs(x))
      case .sqrt: x.squareRoot()
      }
    }

    public func derivative(at x: Float) -> Float {
      switch kind {
      case .absolute: x > 0 ? 1 : x < 0 ? -1 : 0
      case .ceil, .floor, .round, .sign: 0
      case .cos: -sinf(x)
      case .erf: Float(2 / Double.pi.squareRoot()) * expf(-x * x)
      case .exp: expf(x)
      case .log: 1 / x
      case .negation: -1
      case .reciprocal: -1 / (x * x)
      case .sin: cosf(x)
      case .softplus: 1 / (1 + expf(-x))
      case .softsign: 1 / ((1 + abs(x)) * (1 + abs(x)))
      case .sqrt: 0.5 / x.squareRoot()
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A function of one number.
  public static func function(_ kind: FloatGraph.MathFunction.Kind) -> Self {
    Self(FloatGraph.MathFunction(kind))
  }
}
