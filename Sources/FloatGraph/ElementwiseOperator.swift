/// An activation function: one function of one number, applied to each value by itself. Its
/// operator says what the function and its slope are, and has everything else from here.
public protocol ElementwiseOperator: FloatOperator {
  /// NaN at NaN.
  func value(at x: Float) -> Float
  /// The function's derivative; PyTorch's convention where it has none.
  func derivative(at x: Float) -> Float
}

extension ElementwiseOperator {
  public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
    try only(inputs)
  }

  public var worksInPlace: Bool { true }
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

/// A function of two numbers, applied to each pair of values of two inputs of one shape.
public protocol PairwiseOperator: FloatOperator {
  /// One value of the output.
  func value(_ left: Float, _ right: Float) -> Float
}

extension PairwiseOperator {
  public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
    guard inputs.count == 2 else {
      throw RuleViolation("\(Self.name) takes 2 inputs, has \(inputs.count)")
    }
    guard inputs[0] == inputs[1] else {
      throw RuleViolation(
        "\(Self.name) needs inputs of one shape, has \(inputs[0]) and \(inputs[1])")
    }
    return inputs[0]
  }

  public var worksInPlace: Bool { true }

  public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
    let stride = output.reduce(1, *)
    return { inputs, images, output in
      let (left, right) = (inputs[0], inputs[1])
      for index in 0..<images * stride { output[index] = value(left[index], right[index]) }
    }
  }
}
