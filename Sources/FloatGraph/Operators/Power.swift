import Foundation

extension FloatGraph {
  /// x to a constant power.
  public struct Power: ElementwiseOperator {
    public static let name = "power"

    /// The power.
    public var exponent: Float

    /// That power.
    public init(_ exponent: Float) {
      self.exponent = exponent
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard exponent.isFinite else { throw RuleViolation("the power of \(exponent)") }
      return try only(inputs)
    }

    public var isActivation: Bool { false }

    public func value(at x: Float) -> Float {
      exponent == 2 ? x * x : exponent == 3 ? x * x * x : powf(x, exponent)
    }

    public func derivative(at x: Float) -> Float {
      exponent == 0 ? 0 : exponent * powf(x, exponent - 1)
    }
  }
}

extension FloatGraph.Operation {
  /// x to a constant power.
  public static func power(_ exponent: Float) -> Self { Self(FloatGraph.Power(exponent)) }
}
