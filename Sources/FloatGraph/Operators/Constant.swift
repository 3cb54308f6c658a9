extension FloatGraph {
  /// The same numbers for every image. Of its one input, which is the network's, it reads nothing
  /// but how many images there are.
  public struct Constant: FloatOperator {
    public static let name = "constant"

    /// Row-major.
    public var values: [Float]
    /// Without the batch axis.
    public var shape: [Int]

    /// A constant of that shape.
    public init(values: [Float], shape: [Int]) {
      (self.values, self.shape) = (values, shape)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      _ = try only(inputs)
      guard ShapeArithmetic.elementCount(shape) == values.count else {
        throw RuleViolation("\(values.count) numbers do not fill a constant of shape \(shape)")
      }
      return shape
    }

    public var parameterCount: Int { values.count }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let values = values
      return { _, images, output in
        values.withUnsafeBufferPointer { source in
          guard let address = source.baseAddress else { return }
          for image in 0..<images {
            (output + image * source.count).update(from: address, count: source.count)
          }
        }
      }
    }

    /// Nothing depends on the input.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let stride = inputs[0].reduce(1, *)
      return .inPieces { $0.inputGradients[0].update(repeating: 0, count: $0.images * stride) }
    }
  }
}

extension FloatGraph.Operation {
  /// The same numbers for every image.
  public static func constant(_ constant: FloatGraph.Constant) -> Self { Self(constant) }
}
