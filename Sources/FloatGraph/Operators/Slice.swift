extension FloatGraph {
  /// On each axis of the shape without batch: start + step · index, step ≥ 1; the count is the
  /// output's shape.
  public struct Slice: FloatOperator {
    public static let name = "slice"

    /// The first index and the distance of indices, one an axis, the batch axis not counted.
    public var start, step: [Int]

    /// A slice by first indices and steps, one an axis, the batch axis not counted.
    public init(start: [Int], step: [Int]) {
      (self.start, self.step) = (start, step)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard let output = declared else { return nil }
      let input = try only(inputs)
      guard start.count == input.count, step.count == input.count, output.count == input.count
      else { throw RuleViolation("slice is given for \(start.count) axes of shape \(input)") }
      for axis in input.indices {
        guard start[axis] >= 0, step[axis] >= 1 else {
          throw RuleViolation("slice of axis \(axis) needs start ≥ 0 and step ≥ 1")
        }
        let (span, overflow) = (output[axis] - 1).multipliedReportingOverflow(by: step[axis])
        let (last, carry) = span.addingReportingOverflow(start[axis])
        guard !overflow, !carry, last < input[axis] else {
          throw RuleViolation("slice of axis \(axis) runs past its \(input[axis]) elements")
        }
      }
      return output
    }

    public var keepsGrid: Bool { true }
    public var keepsAxes: Bool { true }

    private func rows(_ input: [Int], _ output: [Int]) -> BoxRows {
      BoxRows(of: output, in: input, start: start, step: step)
    }

    /// Copies every step-th element of each axis.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let rows = rows(inputs[0], output)
      return { inputs, images, output in rows.gather(images, from: inputs[0], to: output) }
    }

    /// Puts elements back where they were taken from; the rest is zero.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (rows, stride) = (rows(inputs[0], output), inputs[0].reduce(1, *))
      return .inPieces { pass in
        pass.inputGradients[0].update(repeating: 0, count: pass.images * stride)
        rows.scatter(pass.images, from: pass.outputGradient, to: pass.inputGradients[0])
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A slice.
  public static func slice(_ slice: FloatGraph.Slice) -> Self { Self(slice) }
}
