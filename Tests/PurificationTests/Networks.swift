import CupelFloatGraph
import CupelQuantization
import CupelSupport
import TestSupport

/// Layers of random weights, and networks of them.
extension GraphBuilder {
  /// Square convolution with half padding; BatchNormalization after it where asked for.
  mutating func convolution(
    _ value: Int, outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
    normalized: Bool = true
  ) -> Int {
    let fanIn = shape(value)[0] / groups * kernel * kernel
    let limit = 1.7 / Float(fanIn).squareRoot()
    let output = convolution(
      value, weights: generator.floats(outputs * fanIn, -limit, limit), outputs: outputs,
      window: .square(kernel, stride: stride, pad: kernel / 2), groups: groups)
    return normalized ? normalization(output) : output
  }

  /// Twice as high and wide, with a 3 × 3 kernel; BatchNormalization after it.
  mutating func transposeConvolution(_ value: Int, outputs: Int, groups: Int = 1) -> Int {
    let fanIn = shape(value)[0] / groups * 9
    let limit = 3.4 / Float(fanIn).squareRoot()
    return normalization(
      transposeConvolution(
        value, weights: generator.floats(outputs * fanIn, -limit, limit), outputs: outputs,
        window: .square(3, stride: 2, pad: 1), groups: groups, outputPad: (1, 1)))
  }

  private mutating func normalization(_ output: Int) -> Int {
    let outputs = shape(output)[0]
    // Factors of both signs, and one of zero.
    var gamma = (0..<outputs).map { _ in
      generator.uniform(0.5, 1.5) * (generator.chance(0.2) ? -1 : 1)
    }
    if outputs > 4 { gamma[3] = 0 }
    return normalization(
      output, gamma: gamma, beta: generator.floats(outputs, -0.3, 0.3),
      mean: generator.floats(outputs, -0.2, 0.2), variance: generator.floats(outputs, 0.5, 1.5),
      epsilon: 1e-5)
  }

  @discardableResult
  mutating func linear(_ value: Int, outputs: Int) -> Int {
    let fanIn = shape(value).reduce(1, *)
    return linear(
      value, weights: generator.floats(outputs * fanIn, -0.5, 0.5),
      bias: generator.floats(outputs, -0.5, 0.5), outputs: outputs)
  }

  /// The specimens' architecture in small: ten weighted layers, three residual stages, two 1 × 1
  /// shortcuts.
  static func residual(seed: UInt64) -> FloatGraph {
    var builder = GraphBuilder([1, 8, 8], seed: seed)
    var value = builder.clamp(builder.convolution(0, outputs: 6, kernel: 3))
    for (width, stride) in [(6, 1), (8, 2), (10, 2)] {
      let first = builder.clamp(
        builder.convolution(value, outputs: width, kernel: 3, stride: stride))
      let second = builder.convolution(first, outputs: width, kernel: 3)
      let skip =
        stride == 1
        ? value : builder.convolution(value, outputs: width, kernel: 1, stride: stride)
      value = builder.clamp(builder.add(second, skip))
    }
    value = builder.globalAveragePool(value)
    builder.linear(value, outputs: 5)
    return builder.graph
  }

  /// A depthwise, a grouped and a pointwise layer, not all of them normalized.
  static func grouped(seed: UInt64) -> FloatGraph {
    var builder = GraphBuilder([4, 6, 6], seed: seed)
    var value = builder.clamp(builder.convolution(0, outputs: 4, kernel: 3, groups: 4))
    value = builder.clamp(
      builder.convolution(value, outputs: 40, kernel: 3, groups: 2, normalized: false))
    value = builder.clamp(builder.convolution(value, outputs: 8, kernel: 1, stride: 2))
    value = builder.globalAveragePool(value)
    builder.linear(value, outputs: 3)
    return builder.graph
  }

  /// Down and up again, with two transpose convolutions, and with activation functions of all sorts
  /// between the layers.
  static func upsampling(seed: UInt64) -> FloatGraph {
    var builder = GraphBuilder([4, 6, 6], seed: seed)
    var value = builder.convolution(0, outputs: 6, kernel: 3, stride: 2)
    value = builder.gated(value)
    value = builder.clamp(builder.transposeConvolution(value, outputs: 12, groups: 2))
    value = builder.transposeConvolution(value, outputs: 5)
    value = builder.apply(.leakyRelu(slope: 0.1), value)
    value = builder.convolution(value, outputs: 8, kernel: 1, stride: 2)
    value = builder.apply(.hardSwish, value)
    value = builder.globalAveragePool(value)
    builder.linear(value, outputs: 3)
    return builder.graph
  }
}

/// Random activations; the same for the same seed.
func randomTensor(
  batch: Int, shape: [Int], seed: UInt64, low: Float = -1, high: Float = 1
) -> Tensor {
  var generator = SeededGenerator(seed: seed)
  return generator.images(batch, shape, low, high)
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
    var builder = GraphBuilder([2], seed: 1)
    builder.linear(0, outputs: 1)
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
