extension FloatGraph {
  /// Constant padding on each axis of the shape without batch.
  public struct Pad: FloatOperator {
    public static let name = "pad"

    public var before, after: [Int]
    public var value: Float

    public init(before: [Int], after: [Int], value: Float) {
      self.before = before
      self.after = after
      self.value = value
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

    /// Where each row of the input goes.
    private func targets(_ input: [Int], _ output: [Int]) -> [Int] {
      let strides = RowOffsets.strides(output)
      return RowOffsets.offsets(
        extents: input.dropLast(), strides: strides.dropLast(),
        origin: zip(before, strides).reduce(0) { $0 + $1.0 * $1.1 })
    }

    /// Copies the input into the middle of a constant.
    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (targets, value) = (targets(inputs[0], output), value)
      let (inputStride, outputStride) = (inputs[0].reduce(1, *), output.reduce(1, *))
      let rowLength = inputs[0][inputs[0].count - 1]
      return { inputs, images, output in
        output.update(repeating: value, count: images * outputStride)
        for image in 0..<images {
          var source = inputs[0] + image * inputStride
          let target = output + image * outputStride
          for offset in targets {
            (target + offset).update(from: source, count: rowLength)
            source += rowLength
          }
        }
      }
    }

    /// Copies the middle back out.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let targets = targets(inputs[0], output)
      let (inputStride, outputStride) = (inputs[0].reduce(1, *), output.reduce(1, *))
      let rowLength = inputs[0][inputs[0].count - 1]
      return .inPieces { pass in
        for image in 0..<pass.images {
          let source = pass.outputGradient + image * outputStride
          var target = pass.inputGradients[0] + image * inputStride
          for offset in targets {
            target.update(from: source + offset, count: rowLength)
            target += rowLength
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  public static func pad(_ pad: FloatGraph.Pad) -> Self { Self(pad) }
}
