import Foundation

extension FloatGraph {
  /// The first activation to the power of the second, element by element.
  public struct Raise: PairwiseOperator {
    public static let name = "raise"

    /// Raising to a power, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float { powf(left, right) }

    /// r · lʳ⁻¹ and lʳ · ln l; of 0 to any power by that power 0, as PyTorch has it.
    public func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float) {
      (
        right == 0 ? 0 : right * powf(left, right - 1),
        left == 0 && right >= 0 ? 0 : powf(left, right) * logf(left)
      )
    }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape, or with axes of 1.
  public static let raise = Self(FloatGraph.Raise())
}
