extension FloatGraph {
  /// The product of two activations of one shape.
  public struct Multiply: PairwiseOperator {
    public static let name = "multiply"

    /// Multiplication, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float { left * right }

    public var readsInputsFor: GradientWants { .inputs }

    /// Each input's gradient is the output's times the other input.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      .inPieces { pass in
        for (target, other) in zip(pass.inputGradients, pass.inputs.reversed()) {
          for index in 0..<pass.outputCount {
            target[index] = pass.outputGradient[index] * other[index]
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape.
  public static let multiply = Self(FloatGraph.Multiply())
}
