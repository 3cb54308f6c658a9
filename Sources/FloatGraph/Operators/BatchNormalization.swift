import CupelSupport

extension FloatGraph {
  /// Per channel: gamma · (x − mean) / √(variance + epsilon) + beta.
  public struct BatchNormalization: BatchStatisticsOperator {
    public static let name = "batch normalization"

    /// One a channel: factor, summand, and the running mean and variance.
    public var gamma, beta, mean, variance: [Float]
    /// What the variance is raised by.
    public var epsilon: Float

    /// A normalization of as many channels as each array has elements.
    public init(gamma: [Float], beta: [Float], mean: [Float], variance: [Float], epsilon: Float) {
      (self.gamma, self.beta, self.mean) = (gamma, beta, mean)
      (self.variance, self.epsilon) = (variance, epsilon)
    }

    public func outputShape(inputs: [[Int]], declared: [Int]?) throws(RuleViolation) -> [Int]? {
      let shape = try only(inputs)
      guard let channels = shape.first else { throw RuleViolation("has no channels") }
      guard [gamma, beta, mean, variance].allSatisfy({ $0.count == channels }) else {
        throw RuleViolation("batch normalization needs \(channels) values of each parameter")
      }
      guard variance.allSatisfy({ $0 + epsilon > 0 }) else {
        throw RuleViolation("variance + epsilon must be positive")
      }
      return shape
    }

    /// gamma and beta.
    public var parameters: [[Float]] {
      get { [gamma, beta] }
      set {
        guard newValue.map(\.count) == parameters.map(\.count) else { return }
        (gamma, beta) = (newValue[0], newValue[1])
      }
    }
    public var parameterCount: Int { 4 * gamma.count }

    /// gamma / √(variance + epsilon), per channel.
    package var scale: [Float] {
      gamma.indices.map { gamma[$0] / (variance[$0] + epsilon).squareRoot() }
    }

    /// beta − mean · scale, per channel.
    package var offset: [Float] {
      let scale = scale
      return beta.indices.map { beta[$0] - mean[$0] * scale[$0] }
    }

    public var worksInPlace: Bool { true }

    public func forward(inputs: [[Int]], output: [Int]) -> ForwardKernel {
      let (scale, offset) = (scale, offset)
      let plane = output.dropFirst().reduce(1, *)
      return { inputs, images, output in
        for image in 0..<images {
          for channel in scale.indices {
            let start = (image * scale.count + channel) * plane
            let (source, target) = (inputs[0] + start, output + start)
            let (factor, shift) = (scale[channel], offset[channel])
            for index in 0..<plane { target[index] = source[index] * factor + shift }
          }
        }
      }
    }

    public var readsInputsFor: GradientWants { .parameters }

    public func backward(inputs: [[Int]], output: [Int]) -> BackwardKernel? {
      let plane = output.dropFirst().reduce(1, *)
      return BackwardKernel { batch in
        Gradient(batch.statistics.map(using) ?? self, plane: plane).run(batch)
      }
    }
  }
}

// MARK: - Training

extension FloatGraph.BatchNormalization {
  public func using(_ statistics: BatchStatistics) -> Self {
    var normalization = self
    normalization.mean = statistics.mean
    normalization.variance = statistics.variance
    return normalization
  }

  /// Running statistics move as PyTorch's do: running ← (1 − momentum) · running + momentum ·
  /// batch, the variance over count − 1 elements; its default momentum is 0.1. A batch of one
  /// element leaves the variance alone.
  public func tracking(_ statistics: BatchStatistics, momentum: Float) -> Self {
    var normalization = self
    let unbiased = Float(statistics.count) / Float(max(statistics.count - 1, 1))
    for channel in mean.indices {
      normalization.mean[channel] += momentum * (statistics.mean[channel] - mean[channel])
      guard statistics.count > 1 else { continue }
      normalization.variance[channel] +=
        momentum * (statistics.variance[channel] * unbiased - variance[channel])
    }
    return normalization
  }

  /// The backward pass, a channel at a time.
  private struct Gradient: Sendable {
    private let gamma, mean: [Float]
    /// 1 / √(variance + epsilon)
    private let factor: [Float]
    private let plane: Int

    init(_ normalization: FloatGraph.BatchNormalization, plane: Int) {
      gamma = normalization.gamma
      mean = normalization.mean
      let epsilon = normalization.epsilon
      factor = normalization.variance.map { 1 / ($0 + epsilon).squareRoot() }
      self.plane = plane
    }

    /// In training mean and variance are the batch's own and move with the input.
    func run(_ batch: BackwardPass) -> [[Float]] {
      let isTraining = batch.statistics != nil
      let sums = Parallel.map(gamma.count, threads: batch.threads) { channel -> Sums in
        var sums = Sums()
        if isTraining || batch.wantsParameters, let input = batch.inputs.first {
          sums = self.sums(channel, input, batch.outputGradient, images: batch.images)
        }
        if let inputGradient = batch.inputGradients.first {
          spread(
            channel, sums, isTraining ? batch.inputs.first : nil, batch.outputGradient,
            images: batch.images, to: inputGradient)
        }
        return sums
      }
      guard batch.wantsParameters else { return [] }
      return [
        sums.indices.map { Float(sums[$0].centered * Double(factor[$0])) },
        sums.map { Float($0.plain) },
      ]
    }

    /// Σ dy and Σ dy · (x − mean) of a channel.
    private struct Sums: Sendable {
      var plain = 0.0
      var centered = 0.0
    }

    private func sums(
      _ channel: Int, _ input: UnsafePointer<Float>, _ outputGradient: UnsafePointer<Float>,
      images: Int
    ) -> Sums {
      var sums = Sums()
      for image in 0..<images {
        let start = (image * gamma.count + channel) * plane
        sums.plain += Double(LaneSums.sum(outputGradient + start, count: plane))
        sums.centered += Double(
          LaneSums.centeredDot(
            outputGradient + start, input + start, center: mean[channel], count: plane))
      }
      return sums
    }

    /// dx = γ/σ · (dy − Σdy/n − (x − mean)/σ² · Σ dy (x − mean)/n); the two sums only in training,
    /// where `input` is given.
    private func spread(
      _ channel: Int, _ sums: Sums, _ input: UnsafePointer<Float>?,
      _ outputGradient: UnsafePointer<Float>, images: Int,
      to inputGradient: UnsafeMutablePointer<Float>
    ) {
      let scale = gamma[channel] * factor[channel]
      let count = Double(max(images * plane, 1))
      let shift = Float(sums.plain / count)
      let slope = Float(sums.centered / count) * factor[channel] * factor[channel]
      let center = mean[channel]
      for image in 0..<images {
        let start = (image * gamma.count + channel) * plane
        let (source, target) = (outputGradient + start, inputGradient + start)
        if let input {
          let values = input + start
          for index in 0..<plane {
            target[index] = scale * (source[index] - shift - (values[index] - center) * slope)
          }
        } else {
          for index in 0..<plane { target[index] = scale * source[index] }
        }
      }
    }
  }
}

extension FloatGraph.Operation {
  /// A normalization.
  public static func batchNormalization(_ normalization: FloatGraph.BatchNormalization) -> Self {
    Self(normalization)
  }
}
