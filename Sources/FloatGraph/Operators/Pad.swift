extension FloatGraph {
  /// Constant padding on each axis of the shape without batch.
  public struct Pad: FloatOperator {
    public static let name = "pad"

    /// Elements an axis, the batch axis not counted.
    public var before, after: [Int]
    /// What the new elements are.
    public var value: Float

    /// A pad by so many elements an axis, the batch axis not counted.
    public init(before: [Int], after: [Int], value: Float) {
      (self.before, self.after, self.value) = (before, after, value)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let input = try only(inputs)
      guard before.count == input.count, after.count == input.count else {
        throw RuleViolation(
          "padding is given for \(before.count) axes, the input has \(input.count)")
      }
      var output = input
      for axis in input.indices {
        let limit = 0...ShapeArithmetic.maximumElements
        guard limit.contains(before[axis]), limit.contains(after[axis]) else {
          throw RuleViolation("padding of axis \(axis) must lie in \(limit)")
        }
        output[axis] += before[axis] + after[axis]
      }
      return output
    }

    public var keepsGrid: Bool { true }
    public var keepsAxes: Bool { true }

    private func rows(_ input: [Int], _ output: [Int]) -> BoxRows {
      BoxRows(of: input, in: output, start: before, step: input.map { _ in 1 })
    }

    /// Copies the input into the middle of a constant.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (rows, value, stride) = (rows(inputs[0], output), value, output.reduce(1, *))
      return { inputs, images, output in
        output.update(repeating: value, count: images * stride)
        rows.scatter(images, from: inputs[0], to: output)
      }
    }

    /// Copies the middle back out.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let rows = rows(inputs[0], output)
      return .inPieces { pass in
        rows.gather(pass.images, from: pass.outputGradient, to: pass.inputGradients[0])
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A pad.
  public static func pad(_ pad: FloatGraph.Pad) -> Self { Self(pad) }
}
