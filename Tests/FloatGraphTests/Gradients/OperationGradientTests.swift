import CupelFloatGraph
import CupelSupport
import TestSupport
import Testing

/// Every operation's gradient against central finite differences of what the executor computes.
@Suite struct OperationGradientTests {
  /// Two pieces, the second one smaller.
  static let batch = 11

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let operation: FloatGraph.Operation
    let inputs: [[Int]]
    let output: [Int]
    /// Whether the inputs must keep apart (operations with kinks).
    var hasKinks = false

    var testDescription: String { name }
  }

  static func convolution(
    _ name: String, _ input: [Int], outputs: Int, _ window: FloatGraph.Window, groups: Int = 1,
    bias: Bool = true
  ) -> Case {
    var generator = SeededGenerator(seed: 3)
    let fanIn = input[0] / groups * window.kernelHeight * window.kernelWidth
    let extents = [
      (input[1] + window.padTop + window.padBottom - window.dilationHeight
        * (window.kernelHeight - 1) - 1) / window.strideHeight + 1,
      (input[2] + window.padLeft + window.padRight - window.dilationWidth
        * (window.kernelWidth - 1) - 1) / window.strideWidth + 1,
    ]
    return Case(
      name: name,
      operation: .convolution(
        .init(
          weights: generator.floats(outputs * fanIn), bias: bias ? generator.floats(outputs) : nil,
          outputChannels: outputs, window: window, groups: groups)),
      inputs: [input], output: [outputs] + extents)
  }

  static let convolutions: [Case] = [
    convolution("3×3", [3, 6, 7], outputs: 4, .square(3, pad: 1)),
    convolution("no bias, no padding", [2, 6, 5], outputs: 3, .square(3), bias: false),
    convolution("stride 2", [3, 7, 8], outputs: 4, .square(3, stride: 2, pad: 1)),
    convolution(
      "uneven stride and padding", [2, 9, 6], outputs: 3,
      .init(
        kernelHeight: 5, kernelWidth: 3, strideHeight: 3, strideWidth: 1, padTop: 0, padLeft: 2,
        padBottom: 3, padRight: 1)),
    convolution(
      "dilation, width kept", [2, 8, 8], outputs: 3,
      .init(
        kernelHeight: 3, kernelWidth: 3, dilationHeight: 2, dilationWidth: 3, padTop: 2,
        padLeft: 3, padBottom: 2, padRight: 3)),
    convolution(
      "dilation and stride", [2, 9, 9], outputs: 3,
      .init(
        kernelHeight: 3, kernelWidth: 2, strideHeight: 2, strideWidth: 2, dilationHeight: 2,
        dilationWidth: 3, padTop: 1, padLeft: 1, padBottom: 1, padRight: 1)),
    convolution("groups", [6, 5, 5], outputs: 9, .square(3, pad: 1), groups: 3),
    convolution("depthwise", [4, 6, 5], outputs: 4, .square(3, pad: 1), groups: 4),
    convolution(
      "depthwise, two outputs a channel, stride 2", [3, 7, 6], outputs: 6,
      .init(
        kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 2, padTop: 1, padLeft: 0,
        padBottom: 0, padRight: 1), groups: 3),
    convolution(
      "depthwise, dilated, no bias", [2, 7, 7], outputs: 2,
      .init(
        kernelHeight: 3, kernelWidth: 3, dilationHeight: 2, dilationWidth: 2, padTop: 2,
        padLeft: 2, padBottom: 2, padRight: 2), groups: 2, bias: false),
    convolution("1×1", [5, 4, 4], outputs: 3, .square(1)),
    convolution("1×1, stride 2", [4, 6, 6], outputs: 3, .square(1, stride: 2)),
    convolution("whole image", [3, 4, 4], outputs: 4, .square(4)),
    convolution("window mostly in padding", [2, 2, 2], outputs: 3, .square(3, pad: 4)),
    // 32 · 9 rows leave tiles of 910 of the 961 positions.
    convolution("tiled", [32, 31, 31], outputs: 2, .square(3, pad: 1)),
  ]

  static func transposed(
    _ name: String, _ input: [Int], outputs: Int, _ window: FloatGraph.Window, groups: Int = 1,
    outputPad: Int = 0, bias: Bool = true
  ) -> Case {
    var generator = SeededGenerator(seed: 4)
    let fanIn = input[0] / groups * window.kernelHeight * window.kernelWidth
    let height = (input[1] - 1) * window.strideHeight + window.extentHeight + outputPad
    let width = (input[2] - 1) * window.strideWidth + window.extentWidth + outputPad
    return Case(
      name: "transposed, " + name,
      operation: .transposeConvolution(
        .init(
          weights: generator.floats(outputs * fanIn), bias: bias ? generator.floats(outputs) : nil,
          outputChannels: outputs, window: window, groups: groups, outputPadHeight: outputPad,
          outputPadWidth: outputPad)),
      inputs: [input],
      output: [
        outputs, height - window.padTop - window.padBottom,
        width - window.padLeft - window.padRight,
      ])
  }

  static let transposedConvolutions: [Case] = [
    transposed("2×2, stride 2", [3, 4, 3], outputs: 4, .square(2, stride: 2)),
    transposed("3×3, no bias", [2, 4, 5], outputs: 3, .square(3, pad: 1), bias: false),
    transposed(
      "output padding", [4, 3, 4], outputs: 2, .square(3, stride: 2, pad: 1), outputPad: 1),
    transposed(
      "uneven", [2, 3, 4], outputs: 3,
      .init(
        kernelHeight: 4, kernelWidth: 3, strideHeight: 3, strideWidth: 1, dilationWidth: 2,
        padTop: 0, padLeft: 2, padBottom: 3, padRight: 1)),
    transposed("groups", [4, 3, 3], outputs: 6, .square(3, stride: 2), groups: 2),
    transposed("depthwise", [3, 4, 4], outputs: 3, .square(3, stride: 2, pad: 1), groups: 3),
    transposed("1×1", [3, 4, 4], outputs: 2, .square(1)),
  ]

  /// Operators of transformers and of squeeze-excite blocks, whose axes are any.
  static let anyRank: [Case] = {
    var generator = SeededGenerator(seed: 6)
    let rows = FloatGraph.Linear(
      weights: generator.floats(3 * 5), bias: generator.floats(3), outputFeatures: 3)
    let normalization = FloatGraph.LayerNormalization(
      gamma: generator.floats(6), beta: generator.floats(6), epsilon: 1e-3)
    let (image, gate) = ([3, 4, 5], [3, 1, 1])
    let taps = FloatGraph.Interpolate.Axis(lows: [0, 1, 1, 2], shares: [0, 0.25, 0.75, 0])
    var cases = [
      Case(
        name: "linear on rows", operation: .linear(rows), inputs: [[2, 4, 5]], output: [2, 4, 3]),
      Case(
        name: "layer normalization", operation: .layerNormalization(normalization),
        inputs: [[4, 6]], output: [4, 6]),
      Case(
        name: "over two axes", operation: .layerNormalization(normalization),
        inputs: [[4, 2, 3]], output: [4, 2, 3]),
      Case(
        name: "matrix product", operation: .matMul, inputs: [[2, 3, 4], [2, 4, 5]],
        output: [2, 3, 5]),
      Case(
        name: "matrix product, one for all", operation: .matMul, inputs: [[1, 3, 4], [2, 4, 5]],
        output: [2, 3, 5]),
      Case(
        name: "softmax of the first axis", operation: .softmax(axis: 0), inputs: [[4, 3]],
        output: [4, 3]),
      Case(
        name: "softmax of the last axis", operation: .softmax(axis: 1), inputs: [[3, 5]],
        output: [3, 5]),
      Case(
        name: "transpose", operation: .transpose([2, 0, 3, 1]), inputs: [[2, 3, 4, 5]],
        output: [4, 2, 5, 3]),
      Case(
        name: "gather", operation: .gather([[1, 1, 0], nil, [4, 0]]), inputs: [[2, 3, 5]],
        output: [3, 3, 2]),
      Case(
        name: "interpolation", operation: .interpolate([nil, taps, taps]), inputs: [[2, 3, 3]],
        output: [2, 4, 4]),
      Case(
        name: "constant", operation: .constant(.init(values: [1, 2], shape: [2])), inputs: [[3]],
        output: [2]),
    ]
    for (left, right) in [(image, gate), (gate, image), ([1, 4, 1], [3, 1, 5]), (image, image)] {
      let whole = zip(left, right).map(max)
      for operation in [FloatGraph.Operation.add, .subtract, .multiply] {
        cases.append(
          Case(
            name: "\(operation.name) \(left) \(right)", operation: operation,
            inputs: [left, right], output: whole))
      }
      for operation in [FloatGraph.Operation.maximum, .minimum] where left == right {
        cases.append(
          Case(
            name: operation.name, operation: operation, inputs: [left, right], output: whole,
            hasKinks: true))
      }
    }
    for kind in FloatGraph.Reduce.Kind.allCases {
      for (axes, output) in [([1], [3, 1, 5]), ([0, 2], [4]), ([0, 1, 2], [1])] {
        cases.append(
          Case(
            name: "\(kind) over \(axes)", operation: .reduce(kind, axes: axes), inputs: [image],
            output: output, hasKinks: kind == .maximum || kind == .minimum))
      }
    }
    return cases
  }()

  /// Functions of one number; those of positive numbers alone are told by themselves.
  static let functions: [Case] = {
    let kinds: [FloatGraph.MathFunction.Kind] = [
      .absolute, .cos, .erf, .exp, .negation, .sin, .softplus, .softsign,
    ]
    let steps: [FloatGraph.ComposedFunction.Step] = [
      .function(FloatGraph.MathFunction(.softplus), of: 0),
      .function(FloatGraph.HyperbolicTangent(), of: 1), .pair(FloatGraph.Multiply(), 0, 2),
    ]
    var all: [FloatGraph.Operation] = kinds.map { .function($0) }
    all += [
      .affine(factor: -1.5, offset: 0.25), .elu(alpha: 0.75),
      .init(FloatGraph.Elu(alpha: 1.5, rate: 0.5, factor: 1.25)), .gelu(isApproximate: false),
      .gelu(isApproximate: true), .hardSigmoid(slope: 0.2, offset: 0.5), .power(2), .power(3),
    ]
    all += FloatGraph.ComposedFunction(steps).map { [FloatGraph.Operation($0)] } ?? []
    return all.map {
      Case(name: $0.name, operation: $0, inputs: [[3, 4]], output: [3, 4], hasKinks: true)
    }
  }()

  static let others: [Case] = {
    var generator = SeededGenerator(seed: 5)
    let linear = FloatGraph.Linear(
      weights: generator.floats(7 * 13), bias: generator.floats(7), outputFeatures: 7)
    let wide = FloatGraph.Linear(
      weights: generator.floats(70 * 5), bias: generator.floats(70), outputFeatures: 70)
    var unbiased = linear
    unbiased.bias = nil
    func normalization(_ channels: Int) -> FloatGraph.Operation {
      .batchNormalization(
        .init(
          gamma: generator.floats(channels), beta: generator.floats(channels),
          mean: generator.floats(channels), variance: generator.floats(channels, 0.5, 2),
          epsilon: 1e-3))
    }
    let image = [3, 6, 5]
    return [
      Case(name: "linear", operation: .linear(linear), inputs: [[13]], output: [7]),
      Case(name: "linear, many outputs", operation: .linear(wide), inputs: [[5]], output: [70]),
      Case(name: "linear, no bias", operation: .linear(unbiased), inputs: [[13]], output: [7]),
      Case(name: "normalization", operation: normalization(3), inputs: [image], output: image),
      Case(
        name: "normalization of features", operation: normalization(9), inputs: [[9]],
        output: [9]),
      Case(
        name: "relu", operation: .clamp(low: 0, high: .infinity), inputs: [image], output: image,
        hasKinks: true),
      Case(
        name: "relu6", operation: .clamp(low: 0, high: 6), inputs: [image], output: image,
        hasKinks: true),
      Case(
        name: "leaky relu", operation: .leakyRelu(slope: 0.25), inputs: [image], output: image,
        hasKinks: true),
      Case(
        name: "hard swish", operation: .hardSwish, inputs: [image], output: image, hasKinks: true),
      Case(name: "sigmoid", operation: .sigmoid, inputs: [image], output: image),
      Case(name: "tanh", operation: .hyperbolicTangent, inputs: [image], output: image),
      Case(name: "add", operation: .add, inputs: [image, image], output: image),
      Case(name: "multiply", operation: .multiply, inputs: [image, image], output: image),
      Case(
        name: "average", operation: .averagePool(.init(window: .square(2, stride: 2))),
        inputs: [image], output: [3, 3, 2]),
      Case(
        name: "average, padding left out",
        operation: .averagePool(.init(window: .square(3, stride: 2, pad: 1))), inputs: [image],
        output: [3, 3, 3]),
      Case(
        name: "average, padding counted",
        operation: .averagePool(.init(window: .square(3, pad: 1), countsPadding: true)),
        inputs: [image], output: image),
      Case(
        name: "maximum", operation: .maxPool(.init(window: .square(2, stride: 2))),
        inputs: [image], output: [3, 3, 2], hasKinks: true),
      Case(
        name: "maximum, overlapping, padded",
        operation: .maxPool(.init(window: .square(3, stride: 2, pad: 1))), inputs: [image],
        output: [3, 3, 3], hasKinks: true),
      Case(
        name: "maximum, dilated",
        operation: .maxPool(
          .init(
            window: .init(
              kernelHeight: 2, kernelWidth: 2, dilationHeight: 2, dilationWidth: 3, padTop: 1,
              padLeft: 0, padBottom: 1, padRight: 0))), inputs: [image], output: [3, 6, 2],
        hasKinks: true),
      Case(name: "mean", operation: .globalAveragePool, inputs: [image], output: [3]),
      Case(name: "reshape", operation: .reshape, inputs: [image], output: [90]),
      Case(
        name: "pad",
        operation: .pad(.init(before: [1, 0, 2], after: [2, 1, 0], value: 0.75)),
        inputs: [image], output: [6, 7, 7]),
      Case(
        name: "slice", operation: .slice(.init(start: [1, 0, 1], step: [1, 2, 3])),
        inputs: [image], output: [2, 3, 2]),
      Case(
        name: "channels joined", operation: .concatenate(axis: 0), inputs: [image, [2, 6, 5]],
        output: [5, 6, 5]),
      Case(
        name: "columns joined", operation: .concatenate(axis: 2),
        inputs: [image, [3, 6, 2], [3, 6, 1]], output: [3, 6, 8]),
      Case(name: "softmax", operation: .softmax, inputs: [[10]], output: [10]),
    ]
  }()

  @Test(arguments: convolutions + transposedConvolutions + others + anyRank + functions)
  func gradientIsTheSlope(_ test: Case) throws {
    var generator = SeededGenerator(seed: 11)
    let inputs = test.inputs.map { shape in
      let count = Self.batch * shape.reduce(1, *)
      return Tensor(
        batch: Self.batch, shape: shape,
        values: test.hasKinks
          ? lattice(count, generator: &generator) : generator.floats(count))
    }
    let output = try FloatOperators.evaluate(
      test.operation, inputs: inputs, outputShape: test.output, threads: 1)
    let weights = generator.floats(output.values.count)
    let gradient = try FloatOperators.gradient(
      of: test.operation, inputs: inputs, output: output,
      outputGradient: Tensor(batch: Self.batch, shape: test.output, values: weights), threads: 2)

    func loss(_ operation: FloatGraph.Operation, _ inputs: [Tensor]) throws -> Double {
      weightedSum(
        try FloatOperators.evaluate(
          operation, inputs: inputs, outputShape: test.output, threads: 1
        ).values, weights)
    }
    try #require(gradient.inputs.count == inputs.count)
    for (index, input) in inputs.enumerated() {
      #expect(gradient.inputs[index].shape == input.shape)
      try #require(gradient.inputs[index].values.count == input.values.count)
      let slopes = try FiniteDifferences.slopes(
        of: input.values, every: max(input.values.count / 400 | 1, 1)
      ) { values in
        var moved = inputs
        moved[index].values = values
        return try loss(test.operation, moved)
      }
      #expect(FiniteDifferences.disagreement(gradient.inputs[index].values, slopes) < 2e-3)
    }
    let arrays = gradient.parameters?.arrays ?? []
    try #require(arrays.map(\.count) == test.operation.parameters.map(\.count))
    for (index, array) in arrays.enumerated() {
      let slopes = try FiniteDifferences.slopes(of: test.operation.parameters[index]) { values in
        var moved = test.operation
        moved.parameters[index] = values
        return try loss(moved, inputs)
      }
      #expect(FiniteDifferences.disagreement(array, slopes) < 2e-3)
    }
  }

  @Test(arguments: convolutions + transposedConvolutions + others + anyRank + functions)
  func onlyWhatIsWantedIsComputed(_ test: Case) throws {
    var generator = SeededGenerator(seed: 2)
    let inputs = test.inputs.map { shape in
      Tensor(batch: 9, shape: shape, values: generator.floats(9 * shape.reduce(1, *)))
    }
    let output = try FloatOperators.evaluate(
      test.operation, inputs: inputs, outputShape: test.output, threads: 1)
    func gradient(_ wants: GradientWants, threads: Int = 1) throws -> OperationGradient {
      try FloatOperators.gradient(
        of: test.operation, inputs: inputs, output: output, outputGradient: output, wants: wants,
        threads: threads)
    }
    let all = try gradient(.all)
    #expect(try gradient(.inputs) == OperationGradient(inputs: all.inputs, parameters: nil))
    #expect(try gradient(.parameters) == OperationGradient(inputs: [], parameters: all.parameters))
    for threads in [2, 3, 7] { #expect(try gradient(.all, threads: threads) == all) }
  }

  @Test func anEmptyBatchHasNoGradient() throws {
    for test in Self.convolutions + Self.transposedConvolutions + Self.others + Self.anyRank {
      let inputs = test.inputs.map { Tensor(batch: 0, shape: $0, values: []) }
      let output = Tensor(batch: 0, shape: test.output, values: [])
      let gradient = try FloatOperators.gradient(
        of: test.operation, inputs: inputs, output: output, outputGradient: output, threads: 2)
      #expect(gradient.inputs == inputs)
      for array in gradient.parameters?.arrays ?? [] { #expect(array.allSatisfy { $0 == 0 }) }
    }
  }

  @Test func shapesThatDoNotFitAreRefused() throws {
    let input = Tensor(batch: 2, shape: [3, 6, 7])
    let output = Tensor(batch: 2, shape: [4, 6, 7])
    let operation = Self.convolutions[0].operation
    func refuses(_ input: Tensor, _ outputGradient: Tensor) {
      #expect(throws: FloatGraphError.self) {
        try FloatOperators.gradient(
          of: operation, inputs: [input], output: output, outputGradient: outputGradient,
          threads: 1)
      }
    }
    refuses(input, Tensor(batch: 2, shape: [4, 7, 6]))
    refuses(input, Tensor(batch: 1, shape: [4, 6, 7]))
    refuses(input, Tensor(batch: 2, shape: [4, 6, 7], values: [1]))
    refuses(Tensor(batch: 1, shape: [3, 6, 7]), output)
    refuses(Tensor(batch: 2, shape: [2, 6, 7]), output)
  }

  @Test func clampPassesNothingAtItsBounds() throws {
    let input = Tensor(batch: 1, shape: [5], values: [-1, 0, 3, 6, 7])
    let operation = FloatGraph.Operation.clamp(low: 0, high: 6)
    let output = try FloatOperators.evaluate(
      operation, inputs: [input], outputShape: [5], threads: 1)
    let gradient = try FloatOperators.gradient(
      of: operation, inputs: [input], output: output,
      outputGradient: Tensor(batch: 1, shape: [5], repeating: 2), threads: 1)
    #expect(gradient.inputs[0].values == [0, 0, 2, 0, 0])
  }

  @Test func theFirstOfEqualElementsIsTheMaximum() throws {
    let input = Tensor(batch: 1, shape: [1, 2, 2], values: [1, 4, 4, 4])
    let operation = FloatGraph.Operation.maxPool(.init(window: .square(2)))
    let output = Tensor(batch: 1, shape: [1, 1, 1], values: [4])
    let gradient = try FloatOperators.gradient(
      of: operation, inputs: [input], output: output,
      outputGradient: Tensor(batch: 1, shape: [1, 1, 1], repeating: 3), threads: 1)
    #expect(gradient.inputs[0].values == [0, 3, 0, 0])
  }
}
