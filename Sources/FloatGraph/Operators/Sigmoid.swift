import Foundation

extension FloatGraph {
  /// 1 / (1 + exp(−x))
  public struct Sigmoid: ElementwiseOperator {
    public static let name = "sigmoid"
    public static var isNamed: Bool { true }

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

extension FloatGraph {
  /// max(0, min(1, slope · x + offset))
  public struct HardSigmoid: ElementwiseOperator {
    public static let name = "hard sigmoid"

    /// Of the line between 0 and 1.
    public var slope, offset: Float

    /// The function with that line between 0 and 1.
    public init(slope: Float, offset: Float) {
      (self.slope, self.offset) = (slope, offset)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard slope.isFinite, offset.isFinite else {
        throw RuleViolation("hard sigmoid has the slope \(slope) and the offset \(offset)")
      }
      return try only(inputs)
    }

    public func value(at x: Float) -> Float {
      let line = slope * x + offset
      return line < 0 ? 0 : line > 1 ? 1 : line
    }

    /// 0 where the line reaches 0 and 1.
    public func derivative(at x: Float) -> Float {
      let line = slope * x + offset
      return line > 0 && line < 1 ? slope : 0
    }
  }
}

extension FloatGraph.Operation {
  /// max(0, min(1, slope · x + offset))
  public static func hardSigmoid(slope: Float, offset: Float) -> Self {
    Self(FloatGraph.HardSigmoid(slope: slope, offset: offset))
  }
}
