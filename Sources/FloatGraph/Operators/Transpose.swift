extension FloatGraph {
  /// The axes of the shape without batch in another order.
  public struct Transpose: FloatOperator {
    public static let name = "transpose"

    /// Which of the input's axes each of the output's is, the batch axis not counted.
    public var order: [Int]

    /// A transpose that takes its axes in this order.
    public init(order: [Int]) {
      self.order = order
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard order.sorted() == Array(shape.indices) else {
        throw RuleViolation("\(order) is no order of the axes of shape \(shape)")
      }
      return order.map { shape[$0] }
    }

    public var keepsGrid: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let rows = BoxRows(inputs[0], order: order)
      return { inputs, images, output in rows.gather(images, from: inputs[0], to: output) }
    }

    /// Puts every element back.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let rows = BoxRows(inputs[0], order: order)
      return .inPieces { pass in
        rows.scatter(pass.images, from: pass.outputGradient, to: pass.inputGradients[0])
      }
    }
  }
}

extension FloatGraph.Operation {
  /// The axes in another order: which of the input's each of the output's is.
  public static func transpose(_ order: [Int]) -> Self { Self(FloatGraph.Transpose(order: order)) }
}
