extension FloatGraph {
  /// The product of two activations.
  public struct Multiply: PairwiseOperator {
    public static let name = "multiply"

    /// Multiplication, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float { left * right }

    /// Each number's is the other number.
    public func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float) {
      (right, left)
    }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape, or with axes of 1.
  public static let multiply = Self(FloatGraph.Multiply())
}
