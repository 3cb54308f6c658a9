import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

/// Convolution and im2col against their definitions, in double precision, on random shapes.
@Suite struct ConvolutionPropertyTests {
  struct Sample: Sendable {
    let convolution: FloatGraph.Convolution
    let input: [Int]
    let output: [Int]
    let image: [Float]
  }

  static func sample(_ generator: inout SeededGenerator) -> Sample? {
    func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    let groups = pick(1...3)
    let (inner, outer) = (pick(1...4), pick(1...4))
    let input = [groups * inner, pick(1...12), pick(1...12)]
    let window = FloatGraph.Window(
      kernelHeight: pick(1...5), kernelWidth: pick(1...5), strideHeight: pick(1...3),
      strideWidth: pick(1...3), dilationHeight: pick(1...3), dilationWidth: pick(1...3),
      padTop: pick(0...5), padLeft: pick(0...5), padBottom: pick(0...5), padRight: pick(0...5))
    let height = input[1] + window.padTop + window.padBottom - window.extentHeight
    let width = input[2] + window.padLeft + window.padRight - window.extentWidth
    guard height >= 0, width >= 0 else { return nil }
    let fanIn = inner * window.kernelHeight * window.kernelWidth
    let convolution = FloatGraph.Convolution(
      weights: generator.floats(groups * outer * fanIn),
      bias: pick(0...1) == 0 ? nil : generator.floats(groups * outer),
      outputChannels: groups * outer, window: window, groups: groups)
    return Sample(
      convolution: convolution, input: input,
      output: [groups * outer, height / window.strideHeight + 1, width / window.strideWidth + 1],
      image: generator.floats(input.reduce(1, *)))
  }

  /// The input element under a weight position at an output position; nil in the padding.
  private static func tap(
    _ sample: Sample, channel: Int, y: Int, x: Int, kernelY: Int, kernelX: Int
  ) -> Float? {
    let window = sample.convolution.window
    let row = y * window.strideHeight + kernelY * window.dilationHeight - window.padTop
    let column = x * window.strideWidth + kernelX * window.dilationWidth - window.padLeft
    guard (0..<sample.input[1]).contains(row), (0..<sample.input[2]).contains(column) else {
      return nil
    }
    return sample.image[(channel * sample.input[1] + row) * sample.input[2] + column]
  }

  @Test func convolutionFollowsItsDefinition() throws {
    var generator = SeededGenerator(seed: 42)
    var checked = 0
    while checked < 400 {
      guard let sample = Self.sample(&generator) else { continue }
      checked += 1
      let convolution = sample.convolution
      // Nine images: a whole piece and one that is not; the last must come out as the first.
      let images = (0..<9).flatMap { $0 % 8 == 0 ? sample.image : sample.image.map { -$0 } }
      let output = try FloatOperators.evaluate(
        .convolution(convolution),
        inputs: [Tensor(batch: 9, shape: sample.input, values: images)],
        outputShape: sample.output, threads: 2)
      let stride = sample.output.reduce(1, *)
      var worst = 0.0
      for index in 0..<stride {
        let exact = Self.exact(sample, index)
        worst = max(
          worst, abs(exact - Double(output.values[index])),
          abs(exact - Double(output.values[8 * stride + index])))
      }
      #expect(worst < 1e-5 * Double(convolution.fanIn + 1))
    }
  }

  private static func exact(_ sample: Sample, _ index: Int) -> Double {
    let convolution = sample.convolution
    let window = convolution.window
    let channel = index / (sample.output[1] * sample.output[2])
    let (y, x) = (index / sample.output[2] % sample.output[1], index % sample.output[2])
    let inner = sample.input[0] / convolution.groups
    let group = channel / (convolution.outputChannels / convolution.groups)
    var sum = Double(convolution.bias?[channel] ?? 0)
    var weight = channel * convolution.fanIn
    for input in 0..<inner {
      for kernelY in 0..<window.kernelHeight {
        for kernelX in 0..<window.kernelWidth {
          let value = tap(
            sample, channel: group * inner + input, y: y, x: x, kernelY: kernelY, kernelX: kernelX)
          sum += Double(value ?? 0) * Double(convolution.weights[weight])
          weight += 1
        }
      }
    }
    return sum
  }

  /// The whole matrix, and any run of its columns written into a wider one.
  @Test func columnsAreThePatchesInTheWeightsOrder() throws {
    var generator = SeededGenerator(seed: 43)
    var checked = 0
    while checked < 200 {
      guard let sample = Self.sample(&generator) else { continue }
      checked += 1
      let columns = try Im2col(sample.convolution, inputShape: sample.input)
      #expect(columns.rows == sample.convolution.fanIn)
      #expect(columns.columns == sample.output[1] * sample.output[2])
      let group = Int.random(in: 0..<sample.convolution.groups, using: &generator)
      let expected = Self.patches(sample, group: group)
      #expect(try columns.matrix(of: sample.image, group: group) == expected)
      let first = Int.random(in: 0..<columns.columns, using: &generator)
      let last = Int.random(in: first...columns.columns, using: &generator)
      let leading = last - first + 2
      var part = [Float](repeating: 9, count: columns.rows * leading)
      part.withUnsafeMutableBufferPointer { buffer in
        guard let target = buffer.baseAddress else { return }
        columns.fill(
          target, leading: leading, image: sample.image, group: group, positions: first..<last)
      }
      for row in 0..<columns.rows {
        let wanted = expected[row * columns.columns..<(row + 1) * columns.columns]
        let written = part[row * leading..<(row + 1) * leading]
        #expect(Array(written) == Array(wanted.dropFirst(first).prefix(last - first)) + [9, 9])
      }
    }
  }

  private static func patches(_ sample: Sample, group: Int) -> [Float] {
    let window = sample.convolution.window
    let inner = sample.input[0] / sample.convolution.groups
    var result: [Float] = []
    for channel in group * inner..<(group + 1) * inner {
      for kernelY in 0..<window.kernelHeight {
        for kernelX in 0..<window.kernelWidth {
          for y in 0..<sample.output[1] {
            for x in 0..<sample.output[2] {
              result.append(
                tap(sample, channel: channel, y: y, x: x, kernelY: kernelY, kernelX: kernelX) ?? 0)
            }
          }
        }
      }
    }
    return result
  }

  @Test func imageOrGroupThatDoesNotBelongIsRefused() throws {
    let convolution = FloatGraph.Convolution(
      weights: [1, 2], bias: nil, outputChannels: 1,
      window: .init(kernelHeight: 1, kernelWidth: 2))
    let columns = try Im2col(convolution, inputShape: [1, 2, 2])
    #expect(try columns.matrix(of: [1, 2, 3, 4]) == [1, 3, 2, 4])
    #expect(throws: FloatGraphError.self) { try columns.matrix(of: [1, 2, 3]) }
    #expect(throws: FloatGraphError.self) { try columns.matrix(of: [1, 2, 3, 4], group: 1) }
    #expect(throws: FloatGraphError.self) { try Im2col(convolution, inputShape: [2, 2, 2]) }
  }
}
