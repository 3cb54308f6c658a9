extension FloatGraph {
  /// Lays inputs one behind the other along an axis of the shape without batch.
  public struct Concatenate: FloatOperator {
    public static let name = "concatenate"

    /// The axis along which inputs follow each other, not counting the batch axis.
    public var axis: Int

    /// A concatenation along an axis, not counting the batch axis.
    public init(axis: Int) {
      self.axis = axis
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      guard var shape = inputs.first else { throw RuleViolation("concatenation has no input") }
      guard shape.indices.contains(axis) else {
        throw RuleViolation("axis \(axis) lies outside shape \(shape)")
      }
      for other in inputs.dropFirst() {
        var expected = shape
        guard other.count == shape.count else {
          throw RuleViolation("cannot concatenate \(shape) and \(other)")
        }
        expected[axis] = other[axis]
        guard other == expected else {
          throw RuleViolation("cannot concatenate \(shape) and \(other) along axis \(axis)")
        }
        let (sum, overflow) = shape[axis].addingReportingOverflow(other[axis])
        guard !overflow else { throw RuleViolation("concatenation is too large") }
        shape[axis] = sum
      }
      return shape
    }

    /// Runs of elements before the axis, and what each input adds to one.
    private func runs(_ inputs: [[Int]]) -> (count: Int, lengths: [Int]) {
      (inputs[0][..<axis].reduce(1, *), inputs.map { $0[axis...].reduce(1, *) })
    }

    public var keepsAxes: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (count, lengths) = runs(inputs)
      return { inputs, images, output in
        var target = output
        for run in 0..<images * count {
          for (input, length) in zip(inputs, lengths) {
            target.update(from: input + run * length, count: length)
            target += length
          }
        }
      }
    }

    /// Takes the inputs' parts apart again.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (count, lengths) = runs(inputs)
      return .inPieces { pass in
        var source = pass.outputGradient
        for run in 0..<pass.images * count {
          for (target, length) in zip(pass.inputGradients, lengths) {
            (target + run * length).update(from: source, count: length)
            source += length
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A concatenation along an axis, not counting the batch axis.
  public static func concatenate(axis: Int) -> Self { Self(FloatGraph.Concatenate(axis: axis)) }
}
