import Foundation

extension FloatGraph {
  /// exp(x − max) / Σ exp(x − max) over a feature vector.
  public struct Softmax: FloatOperator {
    public static let name = "softmax"

    /// The softmax, which has no parameters.
    public init() {}

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard shape.count == 1 else {
        throw RuleViolation("softmax takes a feature vector, has shape \(shape)")
      }
      return shape
    }

    public var keepsRanking: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let features = output[0]
      return { inputs, images, output in
        for image in 0..<images {
          Self.row(inputs[0] + image * features, count: features, output: output + image * features)
        }
      }
    }

    private static func row(
      _ input: UnsafePointer<Float>, count: Int, output: UnsafeMutablePointer<Float>
    ) {
      var largest = input[0]
      for index in 1..<max(count, 1) where input[index] > largest { largest = input[index] }
      var sum: Float = 0
      for index in 0..<count {
        let value = expf(input[index] - largest)
        output[index] = value
        sum += value
      }
      for index in 0..<count { output[index] /= sum }
    }

    public var readsOutputFor: GradientWants { .inputs }

    /// y · (dy − Σ dy · y) for each row.
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let features = output[0]
      return .inPieces { pass in
        guard let output = pass.output else { return }
        for image in 0..<pass.images {
          let row = output + image * features
          let gradient = pass.outputGradient + image * features
          let target = pass.inputGradients[0] + image * features
          let sum = LaneSums.dot(row, gradient, count: features)
          for index in 0..<features { target[index] = row[index] * (gradient[index] - sum) }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// Over the last axis of a feature vector.
  public static let softmax = Self(FloatGraph.Softmax())
}
