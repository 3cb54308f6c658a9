extension FloatGraph {
  /// The sum of two activations of one shape.
  public struct Add: FloatOperator {
    public static let name = "add"

    public init() {}

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      try same(inputs)
    }

    public var worksInPlace: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let stride = output.reduce(1, *)
      return { inputs, images, output in
        let (left, right) = (inputs[0], inputs[1])
        for index in 0..<images * stride { output[index] = left[index] + right[index] }
      }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? { nil }
  }
}

extension FloatGraph.Operation {
  /// Two inputs of one shape.
  public static let add = Self(FloatGraph.Add())
}
