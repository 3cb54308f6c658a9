import CupelFloatGraph
import CupelIntegerBuilder
import CupelQuantization
import TestSupport
import Testing

@Suite("Weighted layers")
struct WeightedLayerTests {
  private static let input = Grid(scale: 0.5, zeroPoint: 3, bits: 8)
  private static let output = Grid(scale: 0.25, zeroPoint: 0, bits: 8)

  /// A linear layer's rows, with a BatchNorm of variance 1 if there is a gamma.
  private func layer(
    _ rows: [[Float]], gamma: [Float]? = nil, bias: [Float]? = nil, scheme: String = "w8a8",
    bits: Int = 8, input: Grid = input
  ) throws -> WeightedLayer {
    var builder = GraphBuilder([rows[0].count])
    var value = builder.linear(
      0, weights: rows.flatMap(\.self), bias: gamma == nil ? bias : nil, outputs: rows.count)
    if let gamma { value = builder.normalization(value, gamma: gamma, beta: bias) }
    let unit = try FusedGraph(builder.graph(output: value)).units[0]
    return WeightedLayer(
      name: "layer", unit: 0, parameters: try #require(unit.parameters), scheme: try Scheme(scheme),
      bits: bits, inputGrid: input, outputGrid: Self.output)
  }

  @Test("per channel, each row's largest weight is the largest integer")
  func perChannel() throws {
    let rows: [[Float]] = [[1, -0.6, 0.1], [0.03, 0.01, -0.04]]
    for (bits, most) in [(8, 127), (4, 7)] {
      let layer = try layer(rows, bits: bits)
      #expect(layer.scales == [1 / Float(most), 0.04 / Float(most)])
      #expect(layer.factors == [1, 1])
    }
    // 0.6 · 127 = 76.2, 0.1 · 127 = 12.7; ¾ · 127 = 95.25, ¼ · 127 = 31.75.
    #expect(try layer(rows).nearest() == [127, -76, 13, 95, 32, -127])
    // 4.2, 0.7; 5.25, 1.75.
    #expect(try layer(rows, bits: 4).nearest() == [7, -4, 1, 5, 2, -7])
  }

  @Test("the full range uses its lowest integer where the negative side is the wider")
  func fullRange() throws {
    let wide = try layer([[-1, 0.5, 0.25]], scheme: "w8a8.full")
    #expect(wide.scales == [1 / 128])
    #expect(wide.nearest() == [-128, 64, 32])
    // Here the positive side decides: 1/127 > 0.9/128.
    #expect(try layer([[1, -0.9]], scheme: "w8a8.full").scales == [1 / 127])
    #expect(try layer([[-1, 0.5]], scheme: "w4a8.full", bits: 4).nearest() == [-8, 4])
  }

  @Test("per tensor, the largest weight of all decides")
  func perTensor() throws {
    let layer = try layer([[1, -0.6, 0.1], [0.03, 0.01, -0.04]], scheme: "w8a8.pt")
    #expect(layer.scales == [1 / 127, 1 / 127])
    // 3.81, 1.27, −5.08
    #expect(layer.nearest() == [127, -76, 13, 4, 1, -5])
  }

  @Test("halves go to even")
  func ties() throws {
    var layer = try layer([[1, 2, 3, -1, -3]])
    layer.scales = [2]
    // ½, 1, 1½, −½, −1½
    #expect(layer.nearest() == [0, 1, 2, 0, -2])
  }

  @Test("post: BatchNorm's factor is in the weights; pre: it is in the requantization")
  func folding() throws {
    let rows: [[Float]] = [[1, -0.6], [0.2, 0.5]]
    let post = try layer(rows, gamma: [-2, 0.5], scheme: "w8a8")
    #expect(post.weights == [-2, 1.2, 0.1, 0.25])
    #expect(post.factors == [1, 1])
    #expect(post.scales == [2.0 / 127, 0.25 / 127])
    let pre = try layer(rows, gamma: [-2, 0.5], scheme: "w8a8.pre")
    #expect(pre.weights == [1, -0.6, 0.2, 0.5])
    #expect(pre.factors == [-2, 0.5])
    #expect(pre.scales == [1.0 / 127, 0.5 / 127])
    #expect(pre.effectiveWeights == post.weights)
    #expect(post.effectiveWeights == post.weights)
    // A negative factor mirrors the integers where it is folded in. 76.2, 50.8.
    #expect(post.nearest() == [-127, 76, 51, 127])
    #expect(pre.nearest() == [127, -76, 51, 127])
    for (one, other) in zip(pre.dequantize(pre.nearest()), post.weights) {
      #expect(abs(one - other) < 0.01)
    }
  }

  @Test("dequantizing takes scale and factor of the row")
  func dequantize() throws {
    var layer = try layer([[1, 2], [3, 4]], gamma: [-1, 1], scheme: "w8a8.pre")
    layer.scales = [0.5, 0.25]
    layer.factors = [-2, 3]
    #expect(layer.dequantize([1, -2, 3, 4]) == [-1, 2, 2.25, 3])
  }

  @Test("the bias is on the accumulator's grid")
  func bias() throws {
    var layer = try layer([[1], [1], [1], [1]], bias: [1, -1, 0.3, 0])
    layer.scales = [0.25, 0.25, 0.125, 0.125]
    layer.factors = [1, -2, 1, -1]
    // 1 / (0.5 · 0.25) = 8; −1 / (0.5 · 0.25 · −2) = 4; 0.3 · 16 = 4.8.
    #expect(layer.integerBias == [8, 4, 5, 0])
    #expect(layer.dequantizedBias == [1, -1, 0.3125, 0])
  }

  @Test("a row without weights keeps its bias", arguments: ["w8a8", "w8a8.pt", "w4a4.pt.pre"])
  func deadRows(scheme: String) throws {
    let bits = try Scheme(scheme).weightBits
    // A zero factor, zero weights, and both with no bias.
    for (rows, gamma) in [
      ([[1, 2], [3, -4]], [0, 1]), ([[0, 0], [3, -4]], [1, 1]), ([[0, 0], [3, -4]], [0, -1]),
      ([[0, 0], [0, 0]], [1, 1]),
    ] as [([[Float]], [Float])] {
      for bias: Float in [0, 5, -5, 1e-6, 1e6] {
        let layer = try layer(rows, gamma: gamma, bias: [bias, 0.5], scheme: scheme, bits: bits)
        #expect(layer.scales.allSatisfy { $0 >= .leastNormalMagnitude && $0.isFinite })
        #expect(layer.factors[0] != 0)
        let integers = layer.nearest()
        #expect(Array(integers[..<2]) == [0, 0])
        #expect(layer.effectiveWeights[..<2] == [0, 0])
        let unit = Double(layer.inputGrid.scale) * Double(layer.scales[0])
        let found = Double(layer.integerBias[0]) * unit * Double(layer.factors[0])
        #expect(abs(found - Double(bias)) <= abs(Double(bias)) * 1e-5 + unit / 2)
      }
    }
  }

  @Test("a scale rises until the bias fits 31 bits, and no further")
  func hugeBias() throws {
    // 2³⁰ · 0.5 / 127 is about 4.2 million.
    let fits = try layer([[1, -1]], bias: [4e6])
    #expect(fits.scales == [1 / 127])
    #expect(abs(Double(fits.integerBias[0]) - 4e6 / 0.5 * 127) < 100)
    for sign: Float in [1, -1] {
      for gamma: Float in [1, -1e-3] {
        let layer = try layer(
          [[1, -1]], gamma: [gamma], bias: [sign * 1e9], scheme: "w8a8.pre")
        #expect(layer.scales[0] > 1 / 127)
        let bias = Double(layer.integerBias[0])
        #expect(abs(bias) <= 0x1p30)
        #expect(abs(bias) > 0x1p30 * 0.999)
        let real = bias * 0.5 * Double(layer.scales[0]) * Double(gamma)
        #expect(abs(real - Double(sign) * 1e9) < 1e3)
      }
    }
  }

  @Test("under .mse a scale may clip, and never does worse than the largest weight's")
  func leastSquares() throws {
    // One outlier among many weights on a 4-bit grid.
    let row = (0..<400).map { Float($0 % 41 - 20) / 20 } + [2.5]
    let plain = try layer([row], bits: 4)
    let best = try layer([row], scheme: "w4a4.mse", bits: 4)
    func error(_ layer: WeightedLayer) -> Double {
      zip(layer.dequantize(layer.nearest()), row).reduce(0) {
        $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1))
      }
    }
    #expect(best.scales[0] < plain.scales[0])
    #expect(error(best) < error(plain))
    // Brute force over the same hundredths.
    let errors = (40...100).map { percent in
      var layer = plain
      layer.scales = [2.5 / 7 * Float(percent) / 100]
      return error(layer)
    }
    #expect(abs(error(best) - errors.min()!) < 1e-6 * errors.min()!)
  }

  @Test("rounding never leaves the limits, full or restricted")
  func limits() throws {
    var layer = try layer([[1, -1]])
    layer.scales = [1.0 / 500]
    #expect(layer.nearest() == [127, -127])
    layer = try self.layer([[1, -1]], scheme: "w8a8.full")
    layer.scales = [1.0 / 500]
    #expect(layer.nearest() == [127, -128])
    layer = try self.layer([[1, -1]], scheme: "w4a8.full", bits: 4)
    #expect(layer.limits == -8...7)
    #expect(layer.nearest() == [7, -7])
  }
}
