/// An activation function: one function of one number, applied to each value by itself. Its
/// operator says what the function and its slope are, and has everything else from here.
public protocol ElementwiseOperator: FloatOperator {
  /// NaN at NaN.
  func value(at x: Float) -> Float
  /// The function's derivative; PyTorch's convention where it has none.
  func derivative(at x: Float) -> Float
  /// Whether runtimes have it under a name of its own, so that it is best left apart from what
  /// stands around it.
  static var isNamed: Bool { get }
}

extension ElementwiseOperator {
  public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
    try only(inputs)
  }

  public static var isNamed: Bool { false }

  public var worksInPlace: Bool { true }
  public var keepsAxes: Bool { true }
  public var isActivation: Bool { true }
  public var keepsZeroChannels: Bool { value(at: 0) == 0 }

  public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
    let stride = output.reduce(1, *)
    return { inputs, images, output in
      let input = inputs[0]
      for index in 0..<images * stride { output[index] = value(at: input[index]) }
    }
  }

  public var readsInputsFor: GradientWants { .inputs }

  public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
    .inPieces { pass in
      let (input, gradient, target) = (pass.inputs[0], pass.outputGradient, pass.inputGradients[0])
      for index in 0..<pass.outputCount {
        target[index] = gradient[index] * derivative(at: input[index])
      }
    }
  }
}
