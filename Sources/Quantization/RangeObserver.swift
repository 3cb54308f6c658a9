import CupelIntegerBuilder

/// What calibration saw of one activation, and the range that each estimation makes of it.
package struct RangeObserver: Sendable {
  /// Bins of the histogram that percentile and MSE estimation read.
  private static let binCount = 2048
  /// Weight of a new batch in the moving average.
  private static let averagingConstant: Float = 0.1
  /// Share of elements that percentile estimation leaves out at each end.
  private static let tail = 5e-5

  private(set) package var low = Float.infinity
  private(set) package var high = -Float.infinity
  private var averageLow: Float = 0
  private var averageHigh: Float = 0
  private var batches = 0
  private var histogram: [Int] = []

  package init() {}

  /// False once a NaN or an infinity was seen, or before anything was.
  package var isFinite: Bool { low.isFinite && high.isFinite && (high - low).isFinite }

  /// First pass: extremes and their moving average, a batch at a time and in order.
  package mutating func observe(_ values: [Float]) {
    var batchLow = Float.infinity
    var batchHigh = -Float.infinity
    var sum: Float = 0
    for value in values {
      batchLow = min(batchLow, value)
      batchHigh = max(batchHigh, value)
      // NaN escapes min and max; zero times anything finite is zero.
      sum += value * 0
    }
    if sum.isNaN { batchHigh = .infinity }
    low = min(low, batchLow)
    high = max(high, batchHigh)
    if batches == 0 {
      (averageLow, averageHigh) = (batchLow, batchHigh)
    } else {
      averageLow += (batchLow - averageLow) * Self.averagingConstant
      averageHigh += (batchHigh - averageHigh) * Self.averagingConstant
    }
    batches += 1
  }

  /// Second pass, for the estimations that need a distribution.
  package mutating func count(_ values: [Float]) {
    if histogram.isEmpty { histogram = [Int](repeating: 0, count: Self.binCount) }
    let perUnit = Float(Self.binCount) / (high - low)
    // Without width, or with next to none, there is nothing to tell apart.
    guard perUnit.isFinite else { return }
    for value in values {
      let bin = Int((value - low) * perUnit)
      histogram[min(max(bin, 0), Self.binCount - 1)] += 1
    }
  }

  /// The grid that `estimation` chooses at `bits` bits.
  package func grid(_ estimation: Scheme.RangeEstimation, bits: Int) -> Grid {
    switch estimation {
    case .minmax: return Grid(low: low, high: high, bits: bits)
    case .ema: return Grid(low: averageLow, high: averageHigh, bits: bits)
    case .pct:
      let (low, high) = percentileRange()
      return Grid(low: low, high: high, bits: bits)
    case .mse: return leastSquaresGrid(bits: bits)
    }
  }

  private func center(ofBin bin: Int) -> Float {
    low + (high - low) * (Float(bin) + 0.5) / Float(Self.binCount)
  }

  private func percentileRange() -> (Float, Float) {
    let total = histogram.reduce(0, +)
    let allowed = Int(Double(total) * Self.tail)
    func edge(_ bins: some Sequence<Int>) -> Int? {
      var passed = 0
      for bin in bins {
        passed += histogram[bin]
        if passed > allowed { return bin }
      }
      return nil
    }
    guard high > low, let first = edge(0..<Self.binCount),
      let last = edge((0..<Self.binCount).reversed())
    else { return (low, high) }
    let width = (high - low) / Float(Self.binCount)
    return (low + width * Float(first), low + width * Float(last + 1))
  }

  /// The range, shrunk by 1 % to 60 % at both ends alike, with the least squared error over the
  /// histogram.
  private func leastSquaresGrid(bits: Int) -> Grid {
    var best = Grid(low: low, high: high, bits: bits)
    guard high > low else { return best }
    var bestError = Double.infinity
    for percent in 0...60 {
      let shrink = 1 - Float(percent) / 100
      let grid = Grid(low: low * shrink, high: high * shrink, bits: bits)
      var error = 0.0
      for (bin, count) in histogram.enumerated() where count > 0 {
        let value = center(ofBin: bin)
        let difference = Double(value - grid.dequantize(grid.quantize(value)))
        error += difference * difference * Double(count)
      }
      if error < bestError {
        (best, bestError) = (grid, error)
      }
    }
    return best
  }
}
