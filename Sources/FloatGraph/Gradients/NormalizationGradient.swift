import Support

/// The backward pass of BatchNormalization, a channel at a time.
struct NormalizationGradient: Sendable {
  private let gamma: [Float]
  private let mean: [Float]
  /// 1 / √(variance + epsilon)
  private let factor: [Float]
  private let plane: Int

  init(_ normalization: FloatGraph.BatchNormalization, shape: [Int]) {
    gamma = normalization.gamma
    mean = normalization.mean
    let epsilon = normalization.epsilon
    factor = normalization.variance.map { 1 / ($0 + epsilon).squareRoot() }
    plane = shape.dropFirst().reduce(1, *)
  }

  /// - Parameters:
  ///   - input: may be nil in inference where the parameters' gradient is not wanted.
  ///   - isTraining: whether mean and variance are the batch's own and move with the input.
  ///   - inputGradient: is written; nil where not wanted.
  /// - Returns: derivatives by gamma and beta, if `wantsParameters`.
  func run(
    input: UnsafePointer<Float>?, outputGradient: UnsafePointer<Float>, images: Int,
    isTraining: Bool, wantsParameters: Bool, inputGradient: UnsafeMutablePointer<Float>?,
    threads: Int
  ) -> ParameterGradient? {
    nonisolated(unsafe) let (input, outputGradient) = (input, outputGradient)
    nonisolated(unsafe) let inputGradient = inputGradient
    let sums = Parallel.map(gamma.count, threads: threads) { channel -> Sums in
      var sums = Sums()
      if isTraining || wantsParameters, let input {
        sums = self.sums(channel, input, outputGradient, images: images)
      }
      if let inputGradient {
        spread(
          channel, sums, isTraining ? input : nil, outputGradient, images: images,
          to: inputGradient)
      }
      return sums
    }
    guard wantsParameters else { return nil }
    return .normalization(
      .init(
        gamma: sums.indices.map { Float(sums[$0].centered * Double(factor[$0])) },
        beta: sums.map { Float($0.plain) }))
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
