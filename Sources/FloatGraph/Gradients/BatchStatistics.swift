import CupelSupport

/// Mean and variance of each channel over the images and positions of one batch.
public struct BatchStatistics: Sendable, Equatable {
  /// One a channel.
  public var mean: [Float]
  /// Over `count` elements, not `count` − 1.
  public var variance: [Float]
  /// Elements a channel: N · H · W.
  public var count: Int

  /// Statistics that are known, one mean and one variance a channel.
  public init(mean: [Float], variance: [Float], count: Int) {
    (self.mean, self.variance, self.count) = (mean, variance, count)
  }
}

extension BatchStatistics {
  /// The statistics of a batch `[N, C, H, W]` or `[N, C]`, in two passes and with sums in double,
  /// a channel at a time. An empty batch gives zeros.
  package init(of batch: Tensor, threads: Int) {
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
