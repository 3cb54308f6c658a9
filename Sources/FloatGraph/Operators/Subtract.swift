extension FloatGraph {
  /// The difference of two activations.
  public struct Subtract: PairwiseOperator {
    public static let name = "subtract"

    /// Subtraction, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float { left - right }
    public func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float) {
      (1, -1)
    }
    public var readsInputsFor: GradientWants { [] }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      constantSlopes(inputs)
    }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape, or with axes of 1.
  public static let subtract = Self(FloatGraph.Subtract())
}
