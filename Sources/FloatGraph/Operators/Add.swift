extension FloatGraph {
  /// The sum of two activations.
  public struct Add: PairwiseOperator {
    public static let name = "add"

    /// Addition, which has no parameters.
    public init() {}

    public func value(_ left: Float, _ right: Float) -> Float { left + right }
    public func derivatives(_ left: Float, _ right: Float) -> (left: Float, right: Float) { (1, 1) }
    public var readsInputsFor: GradientWants { [] }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      inputs[0] == inputs[1] ? nil : constantSlopes(inputs)
    }
  }
}

extension PairwiseOperator {
  /// A backward pass for a function whose derivatives are the same everywhere.
  func constantSlopes(_ inputs: [[Int]]) -> BackwardKernel {
    let runs = BroadcastRuns(inputs[0], inputs[1])
    let strides = inputs.map { $0.reduce(1, *) }
    let slopes = derivatives(0, 0)
    return .inPieces { pass in
      let (first, second) = (pass.inputGradients[0], pass.inputGradients[1])
      first.update(repeating: 0, count: pass.images * strides[0])
      second.update(repeating: 0, count: pass.images * strides[1])
      runs.forEach(pass.images) { left, right, result in
        for index in 0..<runs.length {
          let gradient = pass.outputGradient[result + index]
          first[left + index * runs.leftStep] += gradient * slopes.left
          second[right + index * runs.rightStep] += gradient * slopes.right
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape, or with axes of 1.
  public static let add = Self(FloatGraph.Add())
}
