import FloatGraph
import Quantization
import Support

/// Builds small random networks by hand.
struct NetworkBuilder {
  private(set) var graph: FloatGraph
  private var generator: SeededGenerator

  init(input: [Int], seed: UInt64) {
    graph = FloatGraph(values: [.init(name: "input", shape: input)])
    generator = SeededGenerator(seed: seed)
  }

  func shape(_ value: Int) -> [Int] { graph.values[value].shape }

  mutating func add(
    _ operation: FloatGraph.Operation, _ inputs: [Int], _ shape: [Int]
  ) -> Int {
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

  /// Square convolution with half padding; BatchNormalization after it where asked for.
  mutating func convolution(
    _ value: Int, outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
    normalized: Bool = true
  ) -> Int {
    let input = shape(value)
    let pad = kernel / 2
    let extents = input[1...].map { ($0 + 2 * pad - kernel) / stride + 1 }
    let fanIn = input[0] / groups * kernel * kernel
    let limit = 1.7 / Float(fanIn).squareRoot()
    let weights = (0..<outputs * fanIn).map { _ in generator.uniform(-limit, limit) }
    let output = add(
      .convolution(
        .init(
          weights: weights, bias: nil, outputChannels: outputs,
          window: .init(
            kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
            padTop: pad, padLeft: pad, padBottom: pad, padRight: pad), groups: groups)),
      [value], [outputs] + extents)
    return normalized ? normalization(output) : output
  }

  /// Twice as high and wide, with a 3 × 3 kernel; BatchNormalization after it.
  mutating func transposeConvolution(_ value: Int, outputs: Int, groups: Int = 1) -> Int {
    let input = shape(value)
    let fanIn = input[0] / groups * 9
    let limit = 3.4 / Float(fanIn).squareRoot()
    let weights = (0..<outputs * fanIn).map { _ in generator.uniform(-limit, limit) }
    let output = add(
      .transposeConvolution(
        .init(
          weights: weights, bias: nil, outputChannels: outputs,
          window: .init(
            kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 2, padTop: 1,
            padLeft: 1, padBottom: 1, padRight: 1), groups: groups, outputPadHeight: 1,
          outputPadWidth: 1)),
      [value], [outputs, 2 * input[1], 2 * input[2]])
    return normalization(output)
  }

  private mutating func normalization(_ output: Int) -> Int {
    let outputs = shape(output)[0]
    // Factors of both signs, and one of zero.
    var gamma = (0..<outputs).map { _ in
      generator.uniform(0.5, 1.5) * (generator.chance(0.2) ? -1 : 1)
    }
    if outputs > 4 { gamma[3] = 0 }
    func draw(_ low: Float, _ high: Float) -> [Float] {
      (0..<outputs).map { _ in generator.uniform(low, high) }
    }
    return add(
      .batchNormalization(
        .init(
          gamma: gamma, beta: draw(-0.3, 0.3), mean: draw(-0.2, 0.2), variance: draw(0.5, 1.5),
          epsilon: 1e-5)), [output], shape(output))
  }

  mutating func linear(_ value: Int, outputs: Int) -> Int {
    let fanIn = shape(value).reduce(1, *)
    let weights = (0..<outputs * fanIn).map { _ in generator.uniform(-0.5, 0.5) }
    let bias = (0..<outputs).map { _ in generator.uniform(-0.5, 0.5) }
    return add(
      .linear(.init(weights: weights, bias: bias, outputFeatures: outputs)), [value], [outputs])
  }

  /// The specimens' architecture in small: ten weighted layers, three residual stages, two 1 × 1
  /// shortcuts.
  static func residual(seed: UInt64) -> FloatGraph {
    var builder = NetworkBuilder(input: [1, 8, 8], seed: seed)
    var value = builder.relu(builder.convolution(0, outputs: 6, kernel: 3))
    for (width, stride) in [(6, 1), (8, 2), (10, 2)] {
      let first = builder.relu(
        builder.convolution(value, outputs: width, kernel: 3, stride: stride))
      let second = builder.convolution(first, outputs: width, kernel: 3)
      let skip =
        stride == 1
        ? value : builder.convolution(value, outputs: width, kernel: 1, stride: stride)
      value = builder.relu(builder.add(.add, [second, skip], builder.shape(second)))
    }
    value = builder.add(.globalAveragePool, [value], [10])
    _ = builder.linear(value, outputs: 5)
    return builder.graph
  }

  /// A depthwise, a grouped and a pointwise layer, not all of them normalized.
  static func grouped(seed: UInt64) -> FloatGraph {
    var builder = NetworkBuilder(input: [4, 6, 6], seed: seed)
    var value = builder.relu(builder.convolution(0, outputs: 4, kernel: 3, groups: 4))
    value = builder.relu(
      builder.convolution(value, outputs: 40, kernel: 3, groups: 2, normalized: false))
    value = builder.relu(builder.convolution(value, outputs: 8, kernel: 1, stride: 2))
    value = builder.add(.globalAveragePool, [value], [8])
    _ = builder.linear(value, outputs: 3)
    return builder.graph
  }

  /// Down and up again, with two transpose convolutions, and with activation functions of all sorts
  /// between the layers.
  static func upsampling(seed: UInt64) -> FloatGraph {
    var builder = NetworkBuilder(input: [4, 6, 6], seed: seed)
    var value = builder.convolution(0, outputs: 6, kernel: 3, stride: 2)
    let gate = builder.add(.sigmoid, [value], builder.shape(value))
    value = builder.add(.multiply, [value, gate], builder.shape(value))
    value = builder.relu(builder.transposeConvolution(value, outputs: 12, groups: 2))
    value = builder.transposeConvolution(value, outputs: 5)
    value = builder.add(.leakyRelu(slope: 0.1), [value], builder.shape(value))
    value = builder.convolution(value, outputs: 8, kernel: 1, stride: 2)
    value = builder.add(.hardSwish, [value], builder.shape(value))
    value = builder.add(.globalAveragePool, [value], [8])
    _ = builder.linear(value, outputs: 3)
    return builder.graph
  }
}

/// Random activations; the same for the same seed.
func randomTensor(
  batch: Int, shape: [Int], seed: UInt64, low: Float = -1, high: Float = 1
) -> Tensor {
  var generator = SeededGenerator(seed: seed)
  var tensor = Tensor(batch: batch, shape: shape)
  for index in tensor.values.indices { tensor.values[index] = generator.uniform(low, high) }
  return tensor
}

extension QuantizationPlan {
  /// A plan for a network calibrated on the images that it is then purified on.
  static func make(_ graph: FloatGraph, images: Tensor, scheme: String) throws -> QuantizationPlan {
    let calibration = try Calibration(
      graph: graph, images: images, histograms: false, threads: 2)
    return try QuantizationPlan(
      calibration: calibration, scheme: try Scheme(scheme))
  }
}

extension WeightedLayer {
  /// A linear layer with these weights and scales.
  static func linear(
    weights: [Float], scales: [Float], limits: ClosedRange<Int> = -127...127
  ) throws -> WeightedLayer {
    var builder = NetworkBuilder(input: [2], seed: 1)
    _ = builder.linear(0, outputs: 1)
    let images = randomTensor(batch: 2, shape: [2], seed: 1)
    let plan = try QuantizationPlan.make(builder.graph, images: images, scheme: "w8a8")
    var layer = plan.layers[0]
    layer.rows = scales.count
    layer.columns = weights.count / scales.count
    layer.weights = weights
    layer.scales = scales
    layer.factors = [Float](repeating: 1, count: scales.count)
    layer.bias = [Float](repeating: 0, count: scales.count)
    layer.limits = limits
    return layer
  }

  /// The operation that it rounds.
  var linearOperation: FloatGraph.Operation {
    .linear(.init(weights: weights, bias: nil, outputFeatures: rows))
  }
}
