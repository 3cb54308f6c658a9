import CupelIntegerBuilder
import CupelSupport
import Testing

@Suite("Activation grids")
struct GridTests {
  @Test(
    "grids worked out by hand",
    arguments: [
      // −128 + 1 / (2.5 / 255) = −26
      (-1, 1.5, 8, 2.5 / 255, -26), (0, 1, 8, 1.0 / 255, -128), (-1, 0, 8, 1.0 / 255, 127),
      // Widened to hold zero.
      (2, 5.1, 8, 5.1 / 255, -128), (-5.1, -2, 8, 5.1 / 255, 127),
      // −8 + 1/0.2 = −3
      (-1, 2, 4, 0.2, -3), (0, 15, 4, 1, -8), (-15, 0, 4, 1, 7),
    ] as [(Float, Float, Int, Float, Int)])
  func worked(low: Float, high: Float, bits: Int, scale: Float, zeroPoint: Int) {
    #expect(
      Grid(low: low, high: high, bits: bits) == Grid(scale: scale, zeroPoint: zeroPoint, bits: bits)
    )
  }

  @Test("a range of nothing but zero has scale 1 and zero point 0")
  func empty() {
    for bits in [4, 8] {
      let one = Grid(scale: 1, zeroPoint: 0, bits: bits)
      #expect(Grid(low: 0, high: 0, bits: bits) == one)
      #expect(Grid(low: -0.0, high: .leastNonzeroMagnitude, bits: bits) == one)
      // The smallest scale whose inverse float32 can hold comes from steps times that scale.
      let steps = Float((1 << bits) - 1)
      #expect(Grid(low: 0, high: steps * .leastNormalMagnitude, bits: bits).scale > 0)
    }
  }

  private static func randomGrid(_ generator: inout SeededGenerator, bits: Int) -> Grid {
    let size = Float(sign: .plus, exponent: generator.integer(in: -30...30), significand: 1)
    return Grid(
      low: generator.uniform(-1.5, 1) * size, high: generator.uniform(-1, 1.5) * size, bits: bits)
  }

  @Test("zero is on every grid, and every grid point is its own nearest", arguments: [4, 8])
  func gridPoints(bits: Int) {
    var generator = SeededGenerator(seed: UInt64(bits))
    for _ in 0..<500 {
      let grid = Self.randomGrid(&generator, bits: bits)
      #expect(grid.limits.count == 1 << bits)
      #expect(grid.limits.contains(grid.zeroPoint))
      #expect(grid.dequantize(grid.zeroPoint) == 0)
      #expect(grid.quantize(0) == grid.zeroPoint)
      for integer in grid.limits {
        #expect(grid.quantize(grid.dequantize(integer)) == integer)
      }
      let offsets = grid.limits.map { abs($0 - grid.zeroPoint) }
      #expect(grid.largestOffset == offsets.max())
    }
  }

  @Test("a grid covers its range to within half a step")
  func range() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<500 {
      let low = generator.uniform(-2, 1)
      let high = low + generator.uniform(0.01, 2)
      for bits in [4, 8] {
        let grid = Grid(low: low, high: high, bits: bits)
        for value in [low, high, (low + high) / 2] {
          let error = abs(grid.dequantize(grid.quantize(value)) - value)
          #expect(error <= grid.scale * 0.501)
        }
      }
    }
  }

  @Test("what lies outside saturates")
  func saturation() {
    let grid = Grid(scale: 0.5, zeroPoint: 10, bits: 8)
    #expect(grid.quantize(1e9) == 127)
    #expect(grid.quantize(-1e9) == -128)
    #expect(grid.quantize(.infinity) == 127)
    #expect(grid.quantize(-.infinity) == -128)
    #expect(grid.quantize(.greatestFiniteMagnitude) == 127)
    #expect(grid.quantize(.nan) == 10)
    // Ties to even before the zero point is added: 0.25 / 0.5 is ½, 0.75 / 0.5 is 1½.
    #expect(grid.quantize(0.25) == 10)
    #expect(grid.quantize(0.75) == 12)
    #expect(grid.quantize(-0.25) == 10)
    #expect(grid.quantize(-0.75) == 8)
  }

  @Test("an activation's bounds, ties to even or away from zero")
  func bounds() {
    let grid = Grid(scale: 0.5, zeroPoint: -120, bits: 8)
    // 0.25 is half of a step, −0.75 is 1½ of them.
    #expect(grid.bounds(low: -0.75, high: 0.25) == Bounds(low: -122, high: -120))
    let away = grid.bounds(low: -0.75, high: 0.25, ties: .toNearestOrAwayFromZero)
    #expect(away == Bounds(low: -122, high: -119))
    #expect(grid.bounds(low: 0, high: 6) == Bounds(low: -120, high: -108))
    #expect(grid.bounds(low: -.infinity, high: .infinity) == grid.whole)
    #expect(Grid(scale: 1, zeroPoint: 0, bits: 4).whole == Bounds(low: -8, high: 7))
  }

  @Test("snapping is quantizing and dequantizing, bit by bit", arguments: [4, 8])
  func snap(bits: Int) {
    var generator = SeededGenerator(seed: 10 + UInt64(bits))
    for _ in 0..<200 {
      let grid = Self.randomGrid(&generator, bits: bits)
      var values: [Float] = [0, -0.0, .infinity, -.infinity, 1e30, -1e30]
      values += (0..<100).map { _ in generator.uniform(-300, 300) * grid.scale }
      // Ties.
      values += (-20...20).map { (Float($0) + 0.5) * grid.scale }
      var snapped = values
      grid.snap(&snapped)
      for (value, snapped) in zip(values, snapped) {
        #expect(snapped == grid.dequantize(grid.quantize(value)))
      }
    }
  }
}
