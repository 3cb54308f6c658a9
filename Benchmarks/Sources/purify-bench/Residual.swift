import CupelFloatGraph
import CupelSupport

/// Residual networks with random weights: the time of a purification depends on shapes, and on how
/// many weights move, alone.
enum Residual: String, CaseIterable {
  /// As the specimens: one block a stage, 28 × 28.
  case resnet8 = "ResNet-8"
  /// Three blocks a stage, 32 × 32 × 3.
  case resnet20 = "ResNet-20"
  /// Two blocks a stage, four stages from 64 channels, 32 × 32 × 3.
  case resnet18 = "ResNet-18"

  var input: [Int] { self == .resnet8 ? [1, 28, 28] : [3, 32, 32] }

  private var blocks: Int {
    switch self {
    case .resnet8: 1
    case .resnet20: 3
    case .resnet18: 2
    }
  }

  private var widths: [Int] { self == .resnet18 ? [64, 128, 256, 512] : [16, 32, 64] }

  func graph(seed: UInt64) -> FloatGraph {
    var builder = Builder(input: input, seed: seed)
    var value = builder.relu(builder.convolution(0, outputs: widths[0], kernel: 3, stride: 1))
    for (stage, width) in widths.enumerated() {
      for block in 0..<blocks {
        let stride = stage > 0 && block == 0 ? 2 : 1
        let first = builder.relu(
          builder.convolution(value, outputs: width, kernel: 3, stride: stride))
        let second = builder.convolution(first, outputs: width, kernel: 3, stride: 1)
        let skip =
          stride == 1
          ? value : builder.convolution(value, outputs: width, kernel: 1, stride: stride)
        value = builder.relu(builder.add(.add, [second, skip], builder.shape(second)))
      }
    }
    value = builder.add(.globalAveragePool, [value], [widths.last!])
    builder.linear(value, outputs: 10)
    return builder.graph
  }
}

private struct Builder {
  private(set) var graph: FloatGraph
  private var generator: SeededGenerator

  init(input: [Int], seed: UInt64) {
    graph = FloatGraph(values: [.init(name: "input", shape: input)])
    generator = SeededGenerator(seed: seed)
  }

  func shape(_ value: Int) -> [Int] { graph.values[value].shape }

  mutating func add(_ operation: FloatGraph.Operation, _ inputs: [Int], _ shape: [Int]) -> Int {
    graph.values.append(.init(name: "value\(graph.values.count)", shape: shape))
    graph.output = graph.values.count - 1
    graph.nodes.append(
      .init(
        name: "node\(graph.nodes.count)", operation: operation, inputs: inputs,
        output: graph.output))
    return graph.output
  }

  mutating func relu(_ value: Int) -> Int {
    add(.clamp(low: 0, high: .infinity), [value], shape(value))
  }

  /// He et al.'s initialisation, so that activations keep their size.
  private mutating func weights(_ count: Int, fanIn: Int) -> [Float] {
    let deviation = (2 / Float(fanIn)).squareRoot()
    return (0..<count).map { _ in deviation * generator.normal() }
  }

  mutating func convolution(_ value: Int, outputs: Int, kernel: Int, stride: Int) -> Int {
    let input = shape(value)
    let fanIn = input[0] * kernel * kernel
    let pad = kernel / 2
    let output = [outputs] + input[1...].map { ($0 - 1) / stride + 1 }
    let convolved = add(
      .convolution(
        .init(
          weights: weights(outputs * fanIn, fanIn: fanIn), bias: nil, outputChannels: outputs,
          window: .init(
            kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
            padTop: pad, padLeft: pad, padBottom: pad, padRight: pad))), [value], output)
    func all(_ value: Float) -> [Float] { [Float](repeating: value, count: outputs) }
    return add(
      .batchNormalization(
        .init(gamma: all(1), beta: all(0), mean: all(0), variance: all(1), epsilon: 1e-5)),
      [convolved], output)
  }

  mutating func linear(_ value: Int, outputs: Int) {
    let fanIn = shape(value)[0]
    _ = add(
      .linear(
        .init(
          weights: weights(outputs * fanIn, fanIn: fanIn),
          bias: [Float](repeating: 0, count: outputs), outputFeatures: outputs)), [value], [outputs]
    )
  }
}
