import Foundation

extension FloatGraph {
  /// tanh x
  public struct HyperbolicTangent: ElementwiseOperator {
    public static let name = "tanh"
    public static var isNamed: Bool { true }

    /// The hyperbolic tangent, which has no parameters.
    public init() {}

    public func value(at x: Float) -> Float { tanhf(x) }

    public func derivative(at x: Float) -> Float {
      let value = value(at: x)
      return (1 - value) * (1 + value)
    }
  }
}

extension FloatGraph.Operation {
  /// The hyperbolic tangent.
  public static let hyperbolicTangent = Self(FloatGraph.HyperbolicTangent())
}
