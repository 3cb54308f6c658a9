extension FloatGraph {
  /// The larger of two activations, element by element. A NaN in either is the result.
  public struct Maximum: PairwiseOperator {
    public static let name = "maximum"

    /// The maximum, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float {
      left > right || left.isNaN ? left : right
    }

    /// Equal numbers share the derivative.
    public func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float) {
      left == right ? (0.5, 0.5) : left > right ? (1, 0) : (0, 1)
    }
  }

  /// The smaller of two activations, element by element. A NaN in either is the result.
  public struct Minimum: PairwiseOperator {
    public static let name = "minimum"

    /// The minimum, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float {
      left < right || left.isNaN ? left : right
    }

    /// Equal numbers share the derivative.
    public func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float) {
      left == right ? (0.5, 0.5) : left < right ? (1, 0) : (0, 1)
    }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape, or with axes of 1.
  public static let maximum = Self(FloatGraph.Maximum())
  /// Two inputs of one shape, or with axes of 1.
  public static let minimum = Self(FloatGraph.Minimum())
}
