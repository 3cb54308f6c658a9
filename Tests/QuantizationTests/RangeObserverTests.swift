import CupelIntegerBuilder
import CupelQuantization
import CupelSupport
import Testing

@Suite("Range estimation")
struct RangeObserverTests {
  /// Both passes over the same batches.
  private func observer(_ batches: [[Float]]) -> RangeObserver {
    var observer = RangeObserver()
    for batch in batches { observer.observe(batch) }
    for batch in batches { observer.count(batch) }
    return observer
  }

  @Test("min-max takes the extremes of all batches")
  func minmax() {
    let observer = observer([[0.5, -1], [3, 2], [-0.25]])
    #expect((observer.low, observer.high) == (-1, 3))
    #expect(observer.grid(.minmax, bits: 8) == Grid(low: -1, high: 3, bits: 8))
    #expect(observer.grid(.minmax, bits: 4) == Grid(low: -1, high: 3, bits: 4))
  }

  @Test("the moving average gives each new batch a tenth")
  func movingAverage() {
    // Low: −1, −1 − 0.1 = −1.1, −1.1 + 0.11 = −0.99. High: 1, 1 + 0.2 = 1.2, 1.2 − 0.1 = 1.1.
    let observer = observer([[-1, 1], [-2, 3], [0, 0.2]])
    let grid = observer.grid(.ema, bits: 8)
    #expect(abs(grid.scale - 2.09 / 255) < 1e-7)
    // −128 + 0.99 / (2.09 / 255) = −7.2
    #expect(grid.zeroPoint == -7)
    #expect(
      RangeObserverTests().observer([[-1, 1]]).grid(.ema, bits: 8)
        == Grid(low: -1, high: 1, bits: 8))
  }

  @Test("the percentile leaves out five in a hundred thousand at each end")
  func percentile() {
    // 200,000 values allow 10 outliers an end.
    let inner = (0..<199_980).map { Float($0) / 199_979 * 2 - 1 }
    let width: Float = 200 / 2048
    let few = observer([
      inner + [Float](repeating: -100, count: 10), [Float](repeating: 100, count: 10),
    ])
    let range = few.grid(.pct, bits: 8).scale * 255
    #expect(range >= 2 - 1e-4)
    #expect(range <= 2 + 2 * width)
    // An eleventh at one end stays in.
    let many = observer([
      inner + [Float](repeating: -100, count: 11), [Float](repeating: 100, count: 9),
    ])
    let wide = many.grid(.pct, bits: 8)
    #expect(wide.scale * 255 >= 100)
    #expect(wide.scale * 255 <= 101 + 2 * width)
  }

  @Test("without outliers the percentile's range is the extremes'")
  func percentileOfFew() {
    let values = (0..<1000).map { Float($0) / 999 }
    let grid = observer([values]).grid(.pct, bits: 8)
    #expect(abs(grid.scale * 255 - 1) < 1e-5)
  }

  /// Squared error of the values themselves, in double.
  private func error(_ grid: Grid, _ values: [Float]) -> Double {
    values.reduce(0) { sum, value in
      let difference = Double(value) - Double(grid.dequantize(grid.quantize(value)))
      return sum + difference * difference
    }
  }

  @Test("least squares finds the best of all shrunk ranges", arguments: [4, 8])
  func leastSquares(bits: Int) {
    var generator = SeededGenerator(seed: 5)
    for spread in [0, 3, 8] {
      // Normal values, some stretched: the more outliers, the more it pays to cut them off.
      let values = (0..<50_000).map { index in
        generator.normal() * (index % 1000 == 0 ? Float(1 + spread) : 1) + 0.3
      }
      let observer = observer([values])
      let chosen = observer.grid(.mse, bits: bits)
      let (low, high) = (values.min()!, values.max()!)
      let errors = (0...60).map { percent in
        let shrink = 1 - Float(percent) / 100
        return error(Grid(low: low * shrink, high: high * shrink, bits: bits), values)
      }
      // The histogram's bins stand for their centres, which costs a little exactness.
      #expect(error(chosen, values) <= errors.min()! * 1.02)
      if bits == 4 { #expect(error(chosen, values) < errors[0] * 0.9) }
    }
  }

  @Test("what is not finite is noticed")
  func notFinite() {
    #expect(!RangeObserver().isFinite)
    for value in [Float.nan, .infinity, -.infinity, .signalingNaN] {
      for batches in [[[0, value, 1]], [[1, 2], [value]], [[value], [1, 2]]] as [[[Float]]] {
        var observer = RangeObserver()
        for batch in batches { observer.observe(batch) }
        #expect(!observer.isFinite)
      }
    }
    // Finite values whose range is not.
    var wide = RangeObserver()
    wide.observe([-.greatestFiniteMagnitude, .greatestFiniteMagnitude])
    #expect(!wide.isFinite)
  }

  @Test(
    "a range without width, or nearly so, has a grid under every estimation",
    arguments: [
      [0, 0], [2, 2], [-3, -3], [0, .leastNonzeroMagnitude], [0, 1e-37], [1e-38, 3e-38],
      [1, 1.0000001], [0, .leastNormalMagnitude],
    ] as [[Float]])
  func narrow(values: [Float]) {
    let observer = observer([values])
    for estimation in Scheme.RangeEstimation.allCases {
      for bits in [4, 8] {
        let grid = observer.grid(estimation, bits: bits)
        #expect(grid.scale >= .leastNormalMagnitude && grid.scale.isFinite)
        #expect(grid.limits.contains(grid.zeroPoint))
        for value in values where abs(value) > 1e-30 {
          let error = abs(grid.dequantize(grid.quantize(value)) - value)
          #expect(error <= grid.scale * 0.51)
        }
      }
    }
  }
}
