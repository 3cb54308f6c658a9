import CupelSupport

extension FloatGraph {
  /// (x − mean) / √(variance + epsilon) · gamma + beta over the last axes of the shape without
  /// batch, for each place on the other axes by itself.
  public struct LayerNormalization: FloatOperator {
    public static let name = "layer normalization"

    /// Factor and summand of each element that is normalized together, row-major.
    public var gamma, beta: [Float]
    /// What the variance is raised by.
    public var epsilon: Float

    /// A normalization over the last axes, as many of them as there are elements in `gamma`.
    public init(gamma: [Float], beta: [Float], epsilon: Float) {
      (self.gamma, self.beta, self.epsilon) = (gamma, beta, epsilon)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      var count = 1
      for extent in shape.reversed() where count < gamma.count {
        count = ShapeArithmetic.saturatingProduct(count, extent)
      }
      guard count == gamma.count, beta.count == count else {
        throw RuleViolation(
          "\(gamma.count) factors and \(beta.count) summands do not fit the last axes of \(shape)")
      }
      guard epsilon >= 0, epsilon.isFinite else { throw RuleViolation("its epsilon is \(epsilon)") }
      return shape
    }

    public var parameters: [[Float]] {
      get { [gamma, beta] }
      set {
        guard newValue.map(\.count) == parameters.map(\.count) else { return }
        (gamma, beta) = (newValue[0], newValue[1])
      }
    }

    /// Mean and 1 / √(variance + epsilon) of some elements.
    private static func statistics(
      _ values: UnsafePointer<Float>, count: Int, epsilon: Float
    ) -> (mean: Float, factor: Float) {
      let mean = LaneSums.sum(values, count: count) / Float(count)
      let variance = LaneSums.squares(values, from: mean, count: count) / Float(count)
      return (mean, 1 / (variance + epsilon).squareRoot())
    }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (gamma, beta, epsilon) = (gamma, beta, epsilon)
      let rows = output.reduce(1, *) / gamma.count
      return { inputs, images, output in
        for row in 0..<images * rows {
          let (source, target) = (inputs[0] + row * gamma.count, output + row * gamma.count)
          let (mean, factor) = Self.statistics(source, count: gamma.count, epsilon: epsilon)
          for index in gamma.indices {
            target[index] = (source[index] - mean) * factor * gamma[index] + beta[index]
          }
        }
      }
    }

    public var readsInputsFor: GradientWants { .all }

    /// With n = (x − mean) · f and g = dy · gamma: dx = f · (g − mean(g) − n · mean(g · n)).
    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let (gamma, epsilon) = (gamma, epsilon)
      let (count, rows) = (gamma.count, output.reduce(1, *) / gamma.count)
      return BackwardKernel { batch in
        let sums = batch.inPieces(
          parameters: batch.wantsParameters ? 2 * count : 0
        ) { piece, sums in
          for row in 0..<piece.images * rows {
            let values = piece.inputs[0] + row * count
            let slopes = piece.outputGradient + row * count
            let (mean, factor) = Self.statistics(values, count: count, epsilon: epsilon)
            var (plain, centered): (Float, Float) = (0, 0)
            for index in 0..<count {
              let normal = (values[index] - mean) * factor
              let slope = slopes[index] * gamma[index]
              plain += slope
              centered += slope * normal
              sums?[index] += slopes[index] * normal
              sums?[count + index] += slopes[index]
            }
            guard let first = piece.inputGradients.first else { continue }
            let target = first + row * count
            for index in 0..<count {
              let normal = (values[index] - mean) * factor
              let slope = slopes[index] * gamma[index]
              target[index] =
                factor * (slope - plain / Float(count) - normal * centered / Float(count))
            }
          }
        }
        return batch.wantsParameters ? [Array(sums[..<count]), Array(sums[count...])] : []
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A normalization over the last axes.
  public static func layerNormalization(_ normalization: FloatGraph.LayerNormalization) -> Self {
    Self(normalization)
  }
}
