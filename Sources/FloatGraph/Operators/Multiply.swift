extension FloatGraph {
  /// The product of two activations of one shape.
  public struct Multiply: FloatOperator {
    public static let name = "multiply"

    public init() {}

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      try same(inputs)
    }

    public var worksInPlace: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let stride = output.reduce(1, *)
      return { inputs, images, output in
        let (left, right) = (inputs[0], inputs[1])
        for index in 0..<images * stride { output[index] = left[index] * right[index] }
      }
    }

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
