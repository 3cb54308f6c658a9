import Foundation

extension FloatGraph {
  /// x above 0, alpha · (exp(x · rate) − 1) below it, and all of it times a factor: ELU, and with
  /// other numbers SELU and CELU.
  public struct Elu: ElementwiseOperator {
    public static let name = "elu"

    /// What the exponential is multiplied by; its argument's factor; and what all of it is
    /// multiplied by.
    public var alpha, rate, factor: Float

    /// ELU with that alpha, or one of its kin.
    public init(alpha: Float = 1, rate: Float = 1, factor: Float = 1) {
      (self.alpha, self.rate, self.factor) = (alpha, rate, factor)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard [alpha, rate, factor].allSatisfy(\.isFinite) else {
        throw RuleViolation("elu has the numbers \(alpha), \(rate) and \(factor)")
      }
      return try only(inputs)
    }

    public func value(at x: Float) -> Float {
      factor * (x > 0 ? x : alpha * expm1f(x * rate))
    }

    /// The lower branch's at 0.
    public func derivative(at x: Float) -> Float {
      factor * (x > 0 ? 1 : alpha * rate * expf(x * rate))
    }
  }
}

extension FloatGraph.Operation {
  /// ELU with that alpha.
  public static func elu(alpha: Float) -> Self { Self(FloatGraph.Elu(alpha: alpha)) }
}
