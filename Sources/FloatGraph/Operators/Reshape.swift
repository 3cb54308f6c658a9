extension FloatGraph {
  /// The same elements in the same order under the output's shape (Flatten, Reshape, Squeeze).
  public struct Reshape: FloatOperator {
    public static let name = "reshape"

    /// A reshape to what the graph declares.
    public init() {}

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard let declared else { return nil }
      let shape = try only(inputs)
      guard shape.reduce(1, *) == declared.reduce(1, *) else {
        throw RuleViolation("reshape cannot turn \(shape) into \(declared)")
      }
      return declared
    }

    public var worksInPlace: Bool { true }
    public var keepsGrid: Bool { true }
    public var keepsZeroChannels: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let stride = output.reduce(1, *)
      return { inputs, images, output in
        guard inputs[0] != UnsafePointer(output) else { return }
        output.update(from: inputs[0], count: images * stride)
      }
    }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? { nil }
  }
}

extension FloatGraph.Operation {
  /// A reshape to what the graph declares.
  public static let reshape = Self(FloatGraph.Reshape())
}
