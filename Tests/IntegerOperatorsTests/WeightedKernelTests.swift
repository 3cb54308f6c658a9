import CupelFixedPoint
import CupelIntegerOperators
import CupelModelFormat
import CupelSupport
import TestSupport
import Testing

/// Against nested loops in Int64 that follow each operator's definition, on random shapes.
@Suite struct WeightedKernelTests {
  private struct Shape {
    var input: Extent
    var output: Extent
    var window: Window

    func layer(_ zeroPoint: Int32) -> LayerShape {
      LayerShape(input: input, output: output, inputZeroPoint: zeroPoint)
    }
  }

  /// A window over a small image; the output may reach as far as the last window that still meets
  /// the image.
  private func randomShape(channels: Int, using generator: inout SeededGenerator) -> Shape {
    let window = Window(
      kernelHeight: Int.random(in: 1...4, using: &generator),
      kernelWidth: Int.random(in: 1...4, using: &generator),
      strideHeight: Int.random(in: 1...3, using: &generator),
      strideWidth: Int.random(in: 1...3, using: &generator),
      dilationHeight: Int.random(in: 1...3, using: &generator),
      dilationWidth: Int.random(in: 1...3, using: &generator),
      padTop: Int.random(in: 0...2, using: &generator),
      padLeft: Int.random(in: 0...2, using: &generator))
    return Shape(
      input: Extent(
        height: Int.random(in: 1...9, using: &generator),
        width: Int.random(in: 1...9, using: &generator), channels: channels),
      output: Extent(
        height: Int.random(in: 1...6, using: &generator),
        width: Int.random(in: 1...6, using: &generator), channels: channels),
      window: window)
  }

  /// The input's value at a tap with its zero point taken off; padding is the zero point.
  private func value(
    _ image: [Int8], _ shape: Shape, row: Int, column: Int, tap: (Int, Int), channel: Int,
    zeroPoint: Int32
  ) -> Int64 {
    let y = row * shape.window.strideHeight + tap.0 * shape.window.dilationHeight
    let x = column * shape.window.strideWidth + tap.1 * shape.window.dilationWidth
    let inside = (
      y - shape.window.padTop, x - shape.window.padLeft
    )
    guard (0..<shape.input.height).contains(inside.0), (0..<shape.input.width).contains(inside.1)
    else { return 0 }
    let index = (inside.0 * shape.input.width + inside.1) * shape.input.channels + channel
    return Int64(image[index]) - Int64(zeroPoint)
  }

  private func convolutionOracle(
    _ image: [Int8], _ shape: Shape, groups: Int, zeroPoint: Int32, _ weighted: WeightedCase
  ) -> [Int8] {
    var result: [Int8] = []
    let depth = shape.input.channels / groups
    let groupOutputs = shape.output.channels / groups
    let window = shape.window
    for row in 0..<shape.output.height {
      for column in 0..<shape.output.width {
        for channel in 0..<shape.output.channels {
          var sum = Int64(weighted.bias[channel])
          for tapRow in 0..<window.kernelHeight {
            for tapColumn in 0..<window.kernelWidth {
              for slot in 0..<depth {
                let weight =
                  ((channel * window.kernelHeight + tapRow) * window.kernelWidth + tapColumn)
                  * depth + slot
                sum +=
                  Int64(weighted.weights[weight])
                  * value(
                    image, shape, row: row, column: column, tap: (tapRow, tapColumn),
                    channel: channel / groupOutputs * depth + slot, zeroPoint: zeroPoint)
              }
            }
          }
          result.append(weighted.expected(sum, channel: channel))
        }
      }
    }
    return result
  }

  @Test(arguments: RoundingMode.scalings, [8, 4])
  func convolutionFollowsItsDefinition(rounding: RoundingMode, bits: Int) {
    var generator = SeededGenerator(seed: UInt64(bits) * 8 + UInt64(rounding.rawValue))
    for _ in 0..<150 {
      let groups = [1, 1, 1, 2, 3, 5].randomElement(using: &generator)!
      let depth = Int.random(in: 1...9, using: &generator)
      var shape = randomShape(channels: groups * depth, using: &generator)
      shape.output.channels = groups * Int.random(in: 1...5, using: &generator)
      let zeroPoint = Int32.random(in: -128...127, using: &generator)
      let layer = Convolution<InFile>(shape.window, groups: groups, Weights())
      let rowLength = shape.window.kernelHeight * shape.window.kernelWidth * depth
      let weighted = WeightedCase.random(
        channels: shape.output.channels, rows: shape.output.channels, rowLength: rowLength,
        bits: bits, terms: rowLength, rounding: rounding, using: &generator)
      let image = randomImage(shape.input, using: &generator)
      let result = weighted.run(layer, shape.layer(zeroPoint), image)
      let expected = convolutionOracle(
        image, shape, groups: groups, zeroPoint: zeroPoint, weighted)
      #expect(result == expected, "\(shape), \(groups) groups")
    }
  }

  private func depthwiseOracle(
    _ image: [Int8], _ shape: Shape, zeroPoint: Int32, _ weighted: WeightedCase
  ) -> [Int8] {
    var result: [Int8] = []
    for row in 0..<shape.output.height {
      for column in 0..<shape.output.width {
        for channel in 0..<shape.output.channels {
          var sum = Int64(weighted.bias[channel])
          for tapRow in 0..<shape.window.kernelHeight {
            for tapColumn in 0..<shape.window.kernelWidth {
              let tap = tapRow * shape.window.kernelWidth + tapColumn
              sum +=
                Int64(weighted.weights[tap * shape.input.channels + channel])
                * value(
                  image, shape, row: row, column: column, tap: (tapRow, tapColumn),
                  channel: channel, zeroPoint: zeroPoint)
            }
          }
          result.append(weighted.expected(sum, channel: channel))
        }
      }
    }
    return result
  }

  @Test(arguments: RoundingMode.scalings, [8, 4])
  func depthwiseConvolutionFollowsItsDefinition(rounding: RoundingMode, bits: Int) {
    var generator = SeededGenerator(seed: 100 + UInt64(bits) * 8 + UInt64(rounding.rawValue))
    for _ in 0..<150 {
      let channels = Int.random(in: 1...37, using: &generator)
      let shape = randomShape(channels: channels, using: &generator)
      let zeroPoint = Int32.random(in: -128...127, using: &generator)
      let layer = DepthwiseConvolution<InFile>(shape.window, Weights())
      let taps = shape.window.kernelHeight * shape.window.kernelWidth
      let weighted = WeightedCase.random(
        channels: channels, rows: taps, rowLength: channels, bits: bits, terms: taps,
        rounding: rounding, using: &generator)
      let image = randomImage(shape.input, using: &generator)
      let result = weighted.run(layer, shape.layer(zeroPoint), image)
      let expected = depthwiseOracle(image, shape, zeroPoint: zeroPoint, weighted)
      #expect(result == expected, "\(shape)")
    }
  }

  @Test(arguments: RoundingMode.scalings, [8, 4])
  func fullyConnectedFollowsItsDefinition(rounding: RoundingMode, bits: Int) {
    var generator = SeededGenerator(seed: 200 + UInt64(bits) * 8 + UInt64(rounding.rawValue))
    for inputs in 1...70 {
      let outputs = Int.random(in: 1...9, using: &generator)
      let zeroPoint = Int32.random(in: -128...127, using: &generator)
      let shape = LayerShape(
        input: Extent(height: 1, width: 1, channels: inputs),
        output: Extent(height: 1, width: 1, channels: outputs), inputZeroPoint: zeroPoint)
      let weighted = WeightedCase.random(
        channels: outputs, rows: outputs, rowLength: inputs, bits: bits, terms: inputs,
        rounding: rounding, using: &generator)
      let image = randomImage(shape.input, using: &generator)
      let result = weighted.run(FullyConnected<InFile>(Weights()), shape, image)
      let expected = (0..<outputs).map { channel in
        let products = (0..<inputs).map {
          (Int64(image[$0]) - Int64(zeroPoint)) * Int64(weighted.weights[channel * inputs + $0])
        }
        return weighted.expected(
          products.reduce(Int64(weighted.bias[channel]), +), channel: channel)
      }
      #expect(result == expected, "\(inputs) to \(outputs)")
    }
  }

  /// The largest values that int8 allows, with the zero point at the other end: 255 · 128 a term.
  @Test func extremesStayExact() {
    let inputs = 4096
    let shape = LayerShape(
      input: Extent(height: 1, width: 1, channels: inputs),
      output: Extent(height: 1, width: 1, channels: 1), inputZeroPoint: 127)
    let weighted = WeightedCase(
      weights: [Int8](repeating: -128, count: inputs), rowLength: inputs, bias: [-133_693_340],
      multipliers: [1 << 30], shifts: [0], ratioBits: [(0.5 as Float).bitPattern],
      rounding: .doubleRounding, zeroPoint: 0)
    let result = weighted.run(
      FullyConnected<InFile>(Weights()), shape, [Int8](repeating: -128, count: inputs))
    // 4096 · 255 · 128 − 133,693,340 = 100, halved.
    #expect(result == [50])
  }
}
