import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat
import CupelSupport
import Testing

/// The transposed convolution against its definition, written as sums over all places.
@Suite struct TransposeConvolutionTests {
  /// Ratios of one half, so that outputs tell the sums.
  private func run(
    _ layer: TransposeConvolution<InFile>, _ shape: LayerShape, _ image: [Int8], weights: [Int8],
    bias: [Int32]
  ) -> [Int8] {
    let channels = shape.output.channels
    let weighted = WeightedCase(
      weights: weights, rowLength: weights.count / channels, bias: bias,
      multipliers: [Int32](repeating: 1 << 30, count: channels),
      shifts: [Int32](repeating: 0, count: channels),
      ratioBits: [UInt32](repeating: Float(0.5).bitPattern, count: channels),
      rounding: .singleRounding, zeroPoint: 1)
    return weighted.run(layer, shape, image)
  }

  @Test func workedByHand() {
    // Two pixels, 3 and −1 above a zero point of 2, two apart; kernel 1, 2, 3 with one column of
    // padding: sums at −1 ... 3 are 3, 6, 9 − 1, −2, −3; those at 0 ... 3 stay.
    let layer = TransposeConvolution<InFile>(
      Window(kernelHeight: 1, kernelWidth: 3, strideWidth: 2, padLeft: 1), groups: 1, Weights())
    let shape = LayerShape(
      input: Extent(height: 1, width: 2, channels: 1),
      output: Extent(height: 1, width: 4, channels: 1), inputZeroPoint: 2)
    let result = run(layer, shape, [5, 1], weights: [1, 2, 3], bias: [4])
    // (sum + 4) / 2, halves up, plus 1.
    #expect(result == [6, 7, 2, 2])
  }

  @Test(arguments: 0..<40)
  func equalsItsDefinition(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    let groups = draw(1...2)
    let (depth, own) = (draw(1...5), draw(1...4))
    let input = Extent(height: draw(1...5), width: draw(1...5), channels: groups * depth)
    let window = Window(
      kernelHeight: draw(1...4), kernelWidth: draw(1...4), strideHeight: draw(1...3),
      strideWidth: draw(1...3), dilationHeight: draw(1...2), dilationWidth: draw(1...2),
      padTop: draw(0...1), padLeft: draw(0...1))
    let output = Extent(
      height: (input.height - 1) * window.strideHeight
        + (window.kernelHeight - 1) * window.dilationHeight + draw(1...2),
      width: (input.width - 1) * window.strideWidth
        + (window.kernelWidth - 1) * window.dilationWidth + draw(1...2), channels: groups * own)
    let zeroPoint = draw(-20...20)
    let image = (0..<input.elementCount).map { _ in Int8(draw(-60...60)) }
    let taps = window.kernelHeight * window.kernelWidth
    let weights = (0..<output.channels * taps * depth).map { _ in Int8(draw(-3...3)) }
    let bias = (0..<output.channels).map { _ in Int32(draw(-30...30)) }
    var sums = (0..<output.elementCount).map { Int(bias[$0 % output.channels]) }
    for y in 0..<input.height {
      for x in 0..<input.width {
        for tap in 0..<taps {
          let row =
            y * window.strideHeight - window.padTop
            + tap / window.kernelWidth * window.dilationHeight
          let column =
            x * window.strideWidth - window.padLeft
            + tap % window.kernelWidth * window.dilationWidth
          guard (0..<output.height).contains(row), (0..<output.width).contains(column) else {
            continue
          }
          for channel in 0..<output.channels {
            for slot in 0..<depth {
              let source = (y * input.width + x) * input.channels + channel / own * depth + slot
              let weight = weights[(channel * taps + tap) * depth + slot]
              sums[(row * output.width + column) * output.channels + channel] +=
                (Int(image[source]) - zeroPoint) * Int(weight)
            }
          }
        }
      }
    }
    let layer = TransposeConvolution<InFile>(window, groups: groups, Weights())
    let shape = LayerShape(input: input, output: output, inputZeroPoint: Int32(zeroPoint))
    let expected = sums.map { sum in
      Int8(min(max(Int((Double(sum) / 2 + 0.5).rounded(.down)) + 1, -128), 127))
    }
    #expect(run(layer, shape, image, weights: weights, bias: bias) == expected)
  }
}
