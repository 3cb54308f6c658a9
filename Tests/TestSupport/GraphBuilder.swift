import CupelFloatGraph
import CupelSupport

/// Builds small float graphs, with weights that are given or drawn; a value's name is `v` and its
/// index, a node's `n` and its index. The last value is the output.
package struct GraphBuilder {
  package var graph: FloatGraph
  package var generator: SeededGenerator

  package init(_ shape: [Int], seed: UInt64 = 7) {
    graph = FloatGraph(values: [.init(name: "v0", shape: shape)])
    generator = SeededGenerator(seed: seed)
  }

  package func shape(_ value: Int) -> [Int] { graph.values[value].shape }

  /// Appends a node and returns its output.
  @discardableResult
  package mutating func add(
    _ operation: FloatGraph.Operation, _ inputs: [Int], _ shape: [Int]
  ) -> Int {
    graph.output = graph.values.count
    graph.values.append(.init(name: "v\(graph.output)", shape: shape))
    graph.nodes.append(
      .init(
        name: "n\(graph.nodes.count)", operation: operation, inputs: inputs,
        output: graph.output))
    return graph.output
  }

  /// The graph with that output, checked.
  package func graph(output: Int) throws -> FloatGraph {
    var result = graph
    result.output = output
    try result.validate()
    return result
  }
}

extension FloatGraph.Window {
  /// The same along both axes.
  package static func square(_ kernel: Int, stride: Int = 1, pad: Int = 0) -> Self {
    .init(
      kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
      padTop: pad, padLeft: pad, padBottom: pad, padRight: pad)
  }
}

extension GraphBuilder {
  package mutating func convolution(
    _ input: Int, weights: [Float], bias: [Float]? = nil, outputs: Int,
    window: FloatGraph.Window = FloatGraph.Window(kernelHeight: 1, kernelWidth: 1),
    groups: Int = 1
  ) -> Int {
    let shape = shape(input)
    return add(
      .convolution(
        FloatGraph.Convolution(
          weights: weights, bias: bias, outputChannels: outputs, window: window, groups: groups)),
      [input],
      [
        outputs,
        Self.extent(
          shape[1], window.kernelHeight, window.strideHeight, window.dilationHeight,
          window.padTop + window.padBottom),
        Self.extent(
          shape[2], window.kernelWidth, window.strideWidth, window.dilationWidth,
          window.padLeft + window.padRight),
      ])
  }

  package static func extent(
    _ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ padding: Int
  ) -> Int {
    (size + padding - (kernel - 1) * dilation - 1) / stride + 1
  }

  /// As large as the last window needs, or larger by the output padding.
  package mutating func transposeConvolution(
    _ input: Int, weights: [Float], bias: [Float]? = nil, outputs: Int,
    window: FloatGraph.Window, groups: Int = 1, outputPad: (Int, Int) = (0, 0)
  ) -> Int {
    let shape = shape(input)
    func extent(_ size: Int, _ kernel: Int, _ stride: Int, _ dilation: Int, _ cut: Int) -> Int {
      (size - 1) * stride + (kernel - 1) * dilation + 1 - cut
    }
    return add(
      .transposeConvolution(
        FloatGraph.TransposeConvolution(
          weights: weights, bias: bias, outputChannels: outputs, window: window, groups: groups,
          outputPadHeight: outputPad.0, outputPadWidth: outputPad.1)),
      [input],
      [
        outputs,
        extent(
          shape[1], window.kernelHeight, window.strideHeight, window.dilationHeight,
          window.padTop + window.padBottom - outputPad.0),
        extent(
          shape[2], window.kernelWidth, window.strideWidth, window.dilationWidth,
          window.padLeft + window.padRight - outputPad.1),
      ])
  }

  /// An operation that keeps its input's shape.
  package mutating func apply(_ operation: FloatGraph.Operation, _ input: Int) -> Int {
    add(operation, [input], shape(input))
  }

  package mutating func multiply(_ one: Int, _ other: Int) -> Int {
    add(.multiply, [one, other], shape(one))
  }

  package mutating func pool(
    _ input: Int, _ window: FloatGraph.Window, average: Bool, countsPadding: Bool = false
  ) -> Int {
    let shape = shape(input)
    return add(
      average
        ? .averagePool(.init(window: window, countsPadding: countsPadding))
        : .maxPool(.init(window: window)), [input],
      [
        shape[0],
        Self.extent(
          shape[1], window.kernelHeight, window.strideHeight, window.dilationHeight,
          window.padTop + window.padBottom),
        Self.extent(
          shape[2], window.kernelWidth, window.strideWidth, window.dilationWidth,
          window.padLeft + window.padRight),
      ])
  }

  @discardableResult
  package mutating func linear(
    _ input: Int, weights: [Float], bias: [Float]? = nil, outputs: Int
  ) -> Int {
    add(
      .linear(FloatGraph.Linear(weights: weights, bias: bias, outputFeatures: outputs)), [input],
      [outputs])
  }

  package mutating func normalization(
    _ input: Int, gamma: [Float], beta: [Float]? = nil, mean: [Float]? = nil,
    variance: [Float]? = nil, epsilon: Float = 0
  ) -> Int {
    let zeros = [Float](repeating: 0, count: gamma.count)
    let ones = [Float](repeating: 1, count: gamma.count)
    return add(
      .batchNormalization(
        FloatGraph.BatchNormalization(
          gamma: gamma, beta: beta ?? zeros, mean: mean ?? zeros, variance: variance ?? ones,
          epsilon: epsilon)), [input], shape(input))
  }

  package mutating func clamp(_ input: Int, _ low: Float = 0, _ high: Float = .infinity) -> Int {
    add(.clamp(low: low, high: high), [input], shape(input))
  }

  package mutating func add(_ one: Int, _ other: Int) -> Int {
    add(.add, [one, other], shape(one))
  }

  /// x · sigmoid(x)
  package mutating func gated(_ input: Int) -> Int {
    multiply(input, apply(.sigmoid, input))
  }

  package mutating func flatten(_ input: Int) -> Int {
    add(.reshape, [input], [shape(input).reduce(1, *)])
  }

  package mutating func globalAveragePool(_ input: Int) -> Int {
    add(.globalAveragePool, [input], [shape(input)[0]])
  }
}

extension SeededGenerator {
  package mutating func floats(_ count: Int, _ low: Float = -1, _ high: Float = 1) -> [Float] {
    (0..<count).map { _ in uniform(low, high) }
  }

  package mutating func images(_ batch: Int, _ shape: [Int], _ low: Float = -1, _ high: Float = 1)
    -> Tensor
  {
    Tensor(batch: batch, shape: shape, values: floats(batch * shape.reduce(1, *), low, high))
  }
}
