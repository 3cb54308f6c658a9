import Support

/// Mean and variance of each channel over the images and positions of one batch.
public struct BatchStatistics: Sendable, Equatable {
  public var mean: [Float]
  /// Over `count` elements, not `count` − 1.
  public var variance: [Float]
  /// Elements a channel: N · H · W.
  public var count: Int

  public init(mean: [Float], variance: [Float], count: Int) {
    self.mean = mean
    self.variance = variance
    self.count = count
  }
}

extension BatchStatistics {
  /// The statistics of a batch `[N, C, H, W]` or `[N, C]`, in two passes and with sums in double,
  /// a channel at a time. An empty batch gives zeros.
  public init(of batch: Tensor, threads: Int) {
    let channels = batch.shape.first ?? 0
    let plane = batch.shape.dropFirst().reduce(1, *)
    let images = batch.batch
    count = images * plane
    let divisor = Double(max(count, 1))
    let moments = Parallel.map(channels, threads: threads) { channel -> (Float, Float) in
      batch.values.withUnsafeBufferPointer { values in
        guard let values = values.baseAddress else { return (0, 0) }
        var sum = 0.0
        for image in 0..<images {
          sum += Double(LaneSums.sum(values + (image * channels + channel) * plane, count: plane))
        }
        let mean = Float(sum / divisor)
        var squares = 0.0
        for image in 0..<images {
          let start = values + (image * channels + channel) * plane
          squares += Double(LaneSums.squares(start, from: mean, count: plane))
        }
        return (mean, Float(squares / divisor))
      }
    }
    mean = moments.map(\.0)
    variance = moments.map(\.1)
  }
}

extension FloatGraph.BatchNormalization {
  /// The same layer with a batch's statistics in place of the running ones.
  package func using(_ statistics: BatchStatistics) -> Self {
    var normalization = self
    normalization.mean = statistics.mean
    normalization.variance = statistics.variance
    return normalization
  }

  /// The same layer with its running statistics moved towards a batch's: running ← (1 − momentum) ·
  /// running + momentum · batch, the variance over count − 1 elements. That is PyTorch's
  /// convention, whose default momentum is 0.1. A batch of one element leaves the variance alone.
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
}

extension FloatOperators {
  /// BatchNormalization in training mode: with the statistics of the batch itself.
  ///
  /// - Returns: the output, and the statistics that `gradient(of:)` needs and that running
  ///   statistics track.
  /// - Throws: `FloatGraphError` if shapes or parameters do not fit.
  public static func normalize(
    _ input: Tensor, by normalization: FloatGraph.BatchNormalization, threads: Int
  ) throws(FloatGraphError) -> (output: Tensor, statistics: BatchStatistics) {
    guard input.holds(batch: input.batch), normalization.gamma.count == input.shape.first else {
      throw FloatGraphError(node: nil, rule: "input and batch normalization do not fit together")
    }
    let statistics = BatchStatistics(of: input, threads: threads)
    let output = try evaluate(
      .batchNormalization(normalization.using(statistics)), inputs: [input],
      outputShape: input.shape, threads: threads)
    return (output, statistics)
  }
}
