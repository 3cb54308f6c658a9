extension FloatGraph {
  /// x · min(max(x + 3, 0), 6) / 6
  public struct HardSwish: ElementwiseOperator {
    public static let name = "hard swish"
    public static var isNamed: Bool { true }

    /// HardSwish, which has no parameters.
    public init() {}

    public func value(at x: Float) -> Float {
      let gate = x + 3
      return x * (gate < 0 ? 0 : gate > 6 ? 6 : gate) / 6
    }

    /// 0 at −3 and before it, 1 at 3 and behind it.
    public func derivative(at x: Float) -> Float {
      x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5
    }
  }
}

extension FloatGraph.Operation {
  /// HardSwish.
  public static let hardSwish = Self(FloatGraph.HardSwish())
}
