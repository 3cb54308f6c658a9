extension FloatGraph {
  /// On each axis of the shape without batch: start + step · index, step ≥ 1; the count is the
  /// output's shape.
  public struct Slice: FloatOperator {
    public static let name = "slice"

    public var start, step: [Int]

    public init(start: [Int], step: [Int]) {
      self.start = start
      self.step = step
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

    /// Which elements of an image are taken.
    private struct Rows {
      /// Where each row of the output comes from.
      let sources: [Int]
      let length, step: Int
      let inputStride, outputStride: Int
    }

    private func rows(_ input: [Int], _ output: [Int]) -> Rows {
      let strides = RowOffsets.strides(input)
      // A step along an axis of one element is never taken, and may be as large as the file says.
      let steps = zip(output, zip(strides, step)).map { extent, pair in
        extent == 1 ? 0 : pair.0 * pair.1
      }
      let sources = RowOffsets.offsets(
        extents: output.dropLast(), strides: steps.dropLast(),
        origin: zip(start, strides).reduce(0) { $0 + $1.0 * $1.1 })
      return Rows(
        sources: sources, length: output[output.count - 1], step: step[step.count - 1],
        inputStride: input.reduce(1, *), outputStride: output.reduce(1, *))
    }

    /// Copies every step-th element of each axis.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let rows = rows(inputs[0], output)
      return { inputs, images, output in
        for image in 0..<images {
          let base = inputs[0] + image * rows.inputStride
          var target = output + image * rows.outputStride
          for offset in rows.sources {
            let source = base + offset
            for index in 0..<rows.length { target[index] = source[index &* rows.step] }
            target += rows.length
          }
        }
      }
    }

    /// Puts elements back where they were taken from; the rest is zero.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let rows = rows(inputs[0], output)
      return .inPieces { pass in
        pass.inputGradients[0].update(repeating: 0, count: pass.images * rows.inputStride)
        for image in 0..<pass.images {
          var source = pass.outputGradient + image * rows.outputStride
          let base = pass.inputGradients[0] + image * rows.inputStride
          for offset in rows.sources {
            let target = base + offset
            for index in 0..<rows.length { target[index &* rows.step] = source[index] }
            source += rows.length
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  public static func slice(_ slice: FloatGraph.Slice) -> Self { Self(slice) }
}
