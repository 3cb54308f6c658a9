import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

/// Transposed convolution against convolution and its own definition, on random shapes.
@Suite struct TransposeConvolutionTests {
  /// The layer that goes back from a convolution's output shape to its input's, by the same weights.
  private static func transposed(
    _ sample: ConvolutionPropertyTests.Sample, bias: [Float]? = nil
  ) -> FloatGraph.TransposeConvolution {
    let (convolution, window) = (sample.convolution, sample.convolution.window)
    let (inner, outer) = (
      sample.input[0] / convolution.groups, sample.output[0] / convolution.groups
    )
    let area = window.kernelHeight * window.kernelWidth
    var weights: [Float] = []
    for group in 0..<convolution.groups {
      for channel in 0..<inner {
        for output in 0..<outer {
          let start = ((group * outer + output) * inner + channel) * area
          weights += convolution.weights[start..<start + area]
        }
      }
    }
    return .init(
      weights: weights, bias: bias, outputChannels: sample.input[0], window: window,
      groups: convolution.groups,
      outputPadHeight: sample.input[1] + window.padTop + window.padBottom - window.extentHeight
        - (sample.output[1] - 1) * window.strideHeight,
      outputPadWidth: sample.input[2] + window.padLeft + window.padRight - window.extentWidth
        - (sample.output[2] - 1) * window.strideWidth)
  }

  private static func samples(_ count: Int, seed: UInt64) -> [ConvolutionPropertyTests.Sample] {
    var generator = SeededGenerator(seed: seed)
    var samples: [ConvolutionPropertyTests.Sample] = []
    while samples.count < count {
      guard let sample = ConvolutionPropertyTests.sample(&generator) else { continue }
      samples.append(sample)
    }
    return samples
  }

  /// ⟨conv(x), y⟩ = ⟨x, transposed(y)⟩
  @Test func itIsTheAdjointOfConvolution() throws {
    var generator = SeededGenerator(seed: 8)
    for sample in Self.samples(200, seed: 21) {
      var convolution = sample.convolution
      convolution.bias = nil
      let x = Tensor(batch: 1, shape: sample.input, values: sample.image)
      let y = Tensor(
        batch: 1, shape: sample.output, values: generator.floats(sample.output.reduce(1, *)))
      let forward = try FloatOperators.evaluate(
        .convolution(convolution), inputs: [x], outputShape: sample.output, threads: 1)
      let back = try FloatOperators.evaluate(
        .transposeConvolution(Self.transposed(sample)), inputs: [y], outputShape: sample.input,
        threads: 1)
      let (one, other) = (
        weightedSum(forward.values, y.values), weightedSum(x.values, back.values)
      )
      let size = zip(forward.values, y.values).reduce(0) { $0 + abs(Double($1.0 * $1.1)) }
      #expect(abs(one - other) <= 1e-5 * max(size, 1))
    }
  }

  /// What quantization rounds: rows of weights times what each output position reads.
  @Test func rowsTimesPatchesAreTheOutput() throws {
    for sample in Self.samples(200, seed: 22) {
      var generator = SeededGenerator(seed: 3)
      let layer = Self.transposed(sample, bias: generator.floats(sample.input[0]))
      let input = Tensor(
        batch: 1, shape: sample.output, values: generator.floats(sample.output.reduce(1, *)))
      let output = try FloatOperators.evaluate(
        .transposeConvolution(layer), inputs: [input], outputShape: sample.input, threads: 1)
      let patches = try layer.patches(inputShape: sample.output)
      let (rows, columns) = (patches.rows, patches.columns)
      try #require(columns == sample.input[1] * sample.input[2])
      try #require(layer.weights.count == layer.rows * rows)
      for row in 0..<layer.rows {
        let group = row / (layer.rows / layer.groups)
        var matrix = [Float](repeating: .nan, count: rows * columns)
        // In two parts, as large layers are laid out.
        for positions in [0..<columns / 2, columns / 2..<columns] {
          matrix.withUnsafeMutableBufferPointer { matrix in
            patches.fill(
              matrix.baseAddress! + positions.lowerBound, leading: columns, image: input.values,
              group: group, positions: positions)
          }
        }
        for column in 0..<columns {
          var sum = Double(layer.bias![row])
          for index in 0..<rows {
            sum += Double(layer.weights[row * rows + index] * matrix[index * columns + column])
          }
          #expect(abs(sum - Double(output.values[row * columns + column])) <= 1e-4)
        }
      }
    }
  }

  /// Each input element adds its multiple of the window at its place.
  @Test func oneElementLeavesTheWindow() throws {
    let layer = FloatGraph.TransposeConvolution(
      weights: [1, 2, 3, 4], bias: [0.5], outputChannels: 1,
      window: .init(kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2))
    let input = Tensor(batch: 1, shape: [1, 2, 2], values: [1, 0, 0, 10])
    let output = try FloatOperators.evaluate(
      .transposeConvolution(layer), inputs: [input], outputShape: [1, 4, 4], threads: 1)
    #expect(
      output.values.map { $0 - 0.5 } == [1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 10, 20, 0, 0, 30, 40])
    #expect(layer.macs(inputs: [[1, 2, 2]], output: [1, 4, 4]) == 16)
  }

  /// Clearing the weights that read a channel is the same as clearing the channel.
  @Test func weightsOfAChannelAreFound() throws {
    for sample in Self.samples(60, seed: 23) {
      var layer = Self.transposed(sample)
      var generator = SeededGenerator(seed: 5)
      let channels = sample.output[0]
      var input = Tensor(
        batch: 1, shape: sample.output, values: generator.floats(sample.output.reduce(1, *)))
      let channel = Int.random(in: 0..<channels, using: &generator)
      func output() throws -> Tensor {
        try FloatOperators.evaluate(
          .transposeConvolution(layer), inputs: [input], outputShape: sample.input, threads: 1)
      }
      let (kept, original) = (layer, input)
      let plane = input.values.count / channels
      for index in channel * plane..<(channel + 1) * plane { input.values[index] = 0 }
      let expected = try output()
      input = original
      for index in kept.weights(reading: [channel], of: channels) { layer.weights[index] = 0 }
      #expect(try output() == expected)
    }
  }
}
