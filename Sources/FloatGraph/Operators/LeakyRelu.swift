extension FloatGraph {
  /// x where it is positive, slope · x elsewhere.
  public struct LeakyRelu: ElementwiseOperator {
    public static let name = "leaky relu"
    public static var isNamed: Bool { true }

    /// The slope below zero.
    public var slope: Float

    /// A LeakyReLU with that slope below zero.
    public init(slope: Float) {
      self.slope = slope
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard slope.isFinite else { throw RuleViolation("leaky relu's slope is \(slope)") }
      return try only(inputs)
    }

    public func value(at x: Float) -> Float { x > 0 ? x : slope * x }

    /// The slope at 0 too.
    public func derivative(at x: Float) -> Float { x > 0 ? 1 : slope }
  }
}

extension FloatGraph.Operation {
  /// A LeakyReLU with that slope below zero.
  public static func leakyRelu(slope: Float) -> Self { Self(FloatGraph.LeakyRelu(slope: slope)) }
}
