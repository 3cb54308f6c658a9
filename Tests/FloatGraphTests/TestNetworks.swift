import FloatGraph

/// SplitMix64 (Steele, Lea, Flood 2014), so that failures can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in Float.random(in: range, using: &self) }
  }
}

/// Builds graphs by hand.
struct GraphBuilder {
  var graph: FloatGraph
  var generator = SeededGenerator(seed: 7)

  init(input: [Int]) {
    graph = FloatGraph(values: [.init(name: "input", shape: input)])
  }

  func shape(_ value: Int) -> [Int] { graph.values[value].shape }

  mutating func add(_ operation: FloatGraph.Operation, _ inputs: [Int], _ shape: [Int]) -> Int {
    graph.values.append(.init(name: "value\(graph.values.count)", shape: shape))
    graph.nodes.append(
      .init(
        name: "node\(graph.nodes.count)", operation: operation, inputs: inputs,
        output: graph.values.count - 1))
    graph.output = graph.values.count - 1
    return graph.output
  }

  mutating func relu(_ value: Int) -> Int {
    add(.clamp(low: 0, high: .infinity), [value], shape(value))
  }

  /// Square convolution with half padding, then batch normalization.
  mutating func convolution(_ value: Int, outputs: Int, kernel: Int, stride: Int = 1) -> Int {
    let input = shape(value)
    let pad = kernel / 2
    let extents = input[1...].map { ($0 + 2 * pad - kernel) / stride + 1 }
    let fanIn = input[0] * kernel * kernel
    let limit = 1 / Float(fanIn).squareRoot()
    let convolved = add(
      .convolution(
        .init(
          weights: generator.floats(outputs * fanIn, in: -limit...limit), bias: nil,
          outputChannels: outputs,
          window: .init(
            kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
            padTop: pad, padLeft: pad, padBottom: pad, padRight: pad))),
      [value], [outputs] + extents)
    return add(
      .batchNormalization(
        .init(
          gamma: generator.floats(outputs), beta: generator.floats(outputs),
          mean: generator.floats(outputs), variance: generator.floats(outputs, in: 0.5...2),
          epsilon: 1e-5)), [convolved], [outputs] + extents)
  }

  /// The residual network of the specimens: stem of 16, three stages, 1 × 1 shortcuts.
  static func resnet8() -> FloatGraph {
    var builder = GraphBuilder(input: [1, 28, 28])
    var value = builder.relu(builder.convolution(0, outputs: 16, kernel: 3))
    for (width, stride) in [(16, 1), (32, 2), (64, 2)] {
      let first = builder.relu(
        builder.convolution(value, outputs: width, kernel: 3, stride: stride))
      let second = builder.convolution(first, outputs: width, kernel: 3)
      let skip =
        stride == 1 ? value : builder.convolution(value, outputs: width, kernel: 1, stride: stride)
      value = builder.relu(builder.add(.add, [second, skip], builder.shape(second)))
    }
    value = builder.add(.globalAveragePool, [value], [64])
    let weights = builder.generator.floats(640)
    let bias = builder.generator.floats(10)
    _ = builder.add(
      .linear(.init(weights: weights, bias: bias, outputFeatures: 10)), [value], [10])
    return builder.graph
  }
}
