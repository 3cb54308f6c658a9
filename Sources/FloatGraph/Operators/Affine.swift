extension FloatGraph {
  /// x · factor + offset
  public struct Affine: ElementwiseOperator {
    public static let name = "affine"
    public static var isNamed: Bool { true }

    /// What each value is multiplied by, and what is added then.
    public var factor, offset: Float

    /// The function with that factor and offset.
    public init(factor: Float, offset: Float) {
      (self.factor, self.offset) = (factor, offset)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard factor.isFinite, offset.isFinite else {
        throw RuleViolation("affine has the factor \(factor) and the offset \(offset)")
      }
      return try only(inputs)
    }

    public var isActivation: Bool { false }
    public func value(at x: Float) -> Float { x * factor + offset }
    public func derivative(at x: Float) -> Float { factor }
    public var readsInputsFor: GradientWants { [] }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      .inPieces { pass in
        for index in 0..<pass.outputCount {
          pass.inputGradients[0][index] = pass.outputGradient[index] * factor
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// x · factor + offset
  public static func affine(factor: Float, offset: Float) -> Self {
    Self(FloatGraph.Affine(factor: factor, offset: offset))
  }
}
