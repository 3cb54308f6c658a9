import Foundation

extension FloatGraph {
  /// exp(x − max) / Σ exp(x − max) along one axis of the shape without batch.
  public struct Softmax: FloatOperator {
    public static let name = "softmax"

    /// The axis along which shares add up to 1, the batch axis not counted.
    public var axis: Int

    /// A softmax along an axis, the batch axis not counted: of a feature vector it is 0.
    public init(axis: Int = 0) {
      self.axis = axis
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard shape.indices.contains(axis) else {
        throw RuleViolation("softmax along axis \(axis) of shape \(shape)")
      }
      return shape
    }

    public var keepsRanking: Bool { true }

    /// Vectors one behind the other, and elements from one of a vector to the next.
    private func vectors(_ shape: [Int]) -> (outer: Int, count: Int, step: Int) {
      (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (outer, count, step) = vectors(output)
      return { inputs, images, output in
        for block in 0..<images * outer {
          for inner in 0..<step {
            let start = block * count * step + inner
            Self.vector(inputs[0] + start, count: count, step: step, output: output + start)
          }
        }
      }
    }

    private static func vector(
      _ input: UnsafePointer<Float>, count: Int, step: Int, output: UnsafeMutablePointer<Float>
    ) {
      var largest = input[0]
      for index in 1..<max(count, 1) where input[index * step] > largest {
        largest = input[index * step]
      }
      var sum: Float = 0
      for index in 0..<count {
        let value = expf(input[index * step] - largest)
        output[index * step] = value
        sum += value
      }
      for index in 0..<count { output[index * step] /= sum }
    }

    public var readsOutputFor: GradientWants { .inputs }

    /// y · (dy − Σ dy · y) for each vector.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (outer, count, step) = vectors(output)
      return .inPieces { pass in
        guard let output = pass.output else { return }
        for block in 0..<pass.images * outer {
          for inner in 0..<step {
            let start = block * count * step + inner
            let (values, gradient) = (output + start, pass.outputGradient + start)
            let target = pass.inputGradients[0] + start
            var sum: Float = 0
            if step == 1 {
              sum = LaneSums.dot(values, gradient, count: count)
            } else {
              for index in 0..<count { sum += values[index * step] * gradient[index * step] }
            }
            for index in 0..<count {
              target[index * step] = values[index * step] * (gradient[index * step] - sum)
            }
          }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Of a feature vector.
  public static let softmax = softmax(axis: 0)

  /// Along an axis, the batch axis not counted.
  public static func softmax(axis: Int) -> Self { Self(FloatGraph.Softmax(axis: axis)) }
}
