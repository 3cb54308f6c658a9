import Foundation

extension FloatGraph {
  /// 1 / (1 + exp(−x))
  public struct Sigmoid: ElementwiseOperator {
    public static let name = "sigmoid"

    /// The sigmoid, which has no parameters.
    public init() {}

    public func value(at x: Float) -> Float { 1 / (1 + expf(-x)) }

    public func derivative(at x: Float) -> Float {
      let value = value(at: x)
      return (1 - value) * value
    }
  }
}

extension FloatGraph.Operation {
  /// The sigmoid.
  public static let sigmoid = Self(FloatGraph.Sigmoid())
}
