extension FloatGraph {
  /// The sum of two activations of one shape.
  public struct Add: PairwiseOperator {
    public static let name = "add"

    /// Addition, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float { left + right }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? { nil }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape.
  public static let add = Self(FloatGraph.Add())
}
