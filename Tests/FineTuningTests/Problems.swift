import FineTuning
import FloatGraph
import Support

/// A small residual classifier of three classes, and images that it can learn to tell apart.
enum Problems {
  static let classes = 3

  /// Two stages of 6 × 6 and 3 × 3 with a residual block each.
  static func network(seed: UInt64 = 1, widths: (Int, Int) = (4, 5)) -> FloatGraph {
    var builder = Builder(input: [1, 6, 6], seed: seed)
    let stem = builder.clamp(builder.layer(0, widths.0))
    let inner = builder.layer(stem, widths.0)
    let first = builder.clamp(builder.sum(inner, stem))
    let down = builder.clamp(builder.layer(first, widths.1, stride: 2))
    let deep = builder.layer(down, widths.1)
    let skip = builder.layer(first, widths.1, kernel: 1, stride: 2)
    let second = builder.clamp(builder.sum(deep, skip))
    let pooled = builder.add(.globalAveragePool, [second], [widths.1])
    builder.linear(pooled, classes)
    return builder.graph
  }

  /// Down to 3 × 3 and up again to 6 × 6 by a transpose convolution, with x · sigmoid(x) and other
  /// activation functions between the layers.
  static func upsampling(seed: UInt64 = 1) -> FloatGraph {
    var builder = Builder(input: [1, 6, 6], seed: seed)
    let stem = builder.layer(0, 4)
    let first = builder.gated(stem)
    let down = builder.layer(first, 6, stride: 2)
    let deep = builder.add(.hardSwish, [down], builder.shape(down))
    let weights = builder.floats(6 * 6 / 2 * 4, 0.7)
    let up = builder.normalization(
      builder.add(
        .transposeConvolution(
          .init(
            weights: weights, bias: nil, outputChannels: 6,
            window: .init(kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2),
            groups: 2)), [deep], [6, 6, 6]))
    let bent = builder.add(.leakyRelu(slope: 0.1), [up], builder.shape(up))
    let last = builder.gated(builder.layer(bent, 5))
    let pooled = builder.add(.globalAveragePool, [last], [5])
    builder.linear(pooled, classes)
    return builder.graph
  }

  /// A bright row, column or corner in noise.
  static func images(_ count: Int, seed: UInt64 = 5) throws -> LabelledImages {
    var generator = SeededGenerator(seed: seed)
    var values: [Float] = []
    var labels: [Int] = []
    for _ in 0..<count {
      let label = generator.below(classes)
      let place = generator.below(6)
      for y in 0..<6 {
        for x in 0..<6 {
          let isBright = label == 0 ? y == place : label == 1 ? x == place : x + y < 3
          values.append((isBright ? 1.5 : 0) + 0.4 * generator.normal())
        }
      }
      labels.append(label)
    }
    return try LabelledImages(
      images: Tensor(batch: count, shape: [1, 6, 6], values: values), labels: labels)
  }

  static func accuracy(_ graph: FloatGraph, on data: LabelledImages) throws -> Double {
    let logits = try FloatExecutor(graph: graph, threads: 1).run(data.images)
    let right = data.labels.enumerated().count { image, label in
      let row = logits.values[image * classes..<(image + 1) * classes]
      return row.firstIndex(of: row.max()!)! - row.startIndex == label
    }
    return Double(right) / Double(data.count)
  }

  static func loss(_ graph: FloatGraph, on data: LabelledImages) throws -> Double {
    let logits = try FloatExecutor(graph: graph, threads: 1).run(data.images)
    return try CrossEntropy.evaluate(logits, labels: data.labels).loss
  }
}

struct Builder {
  var graph: FloatGraph
  var generator: SeededGenerator

  init(input: [Int], seed: UInt64) {
    graph = FloatGraph(values: [.init(name: "input", shape: input)])
    generator = SeededGenerator(seed: seed)
  }

  func shape(_ value: Int) -> [Int] { graph.values[value].shape }

  @discardableResult
  mutating func add(_ operation: FloatGraph.Operation, _ inputs: [Int], _ shape: [Int]) -> Int {
    graph.values.append(.init(name: "value\(graph.values.count)", shape: shape))
    graph.output = graph.values.count - 1
    graph.nodes.append(
      .init(
        name: "node\(graph.nodes.count)", operation: operation, inputs: inputs,
        output: graph.output))
    return graph.output
  }

  mutating func floats(_ count: Int, _ limit: Float) -> [Float] {
    (0..<count).map { _ in generator.uniform(-limit, limit) }
  }

  mutating func clamp(_ value: Int) -> Int {
    add(.clamp(low: 0, high: .infinity), [value], shape(value))
  }

  /// x · sigmoid(x)
  mutating func gated(_ value: Int) -> Int {
    let gate = add(.sigmoid, [value], shape(value))
    return add(.multiply, [value, gate], shape(value))
  }

  mutating func sum(_ one: Int, _ other: Int) -> Int { add(.add, [one, other], shape(one)) }

  mutating func convolution(_ value: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1) -> Int {
    let input = shape(value)
    let pad = kernel / 2
    let fanIn = input[0] * kernel * kernel
    let weights = floats(outputs * fanIn, (3 / Float(fanIn)).squareRoot())
    return add(
      .convolution(
        .init(
          weights: weights, bias: nil, outputChannels: outputs,
          window: .init(
            kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
            padTop: pad, padLeft: pad, padBottom: pad, padRight: pad))), [value],
      [outputs] + input[1...].map { ($0 + 2 * pad - kernel) / stride + 1 })
  }

  mutating func normalization(_ value: Int) -> Int {
    let channels = shape(value)[0]
    return add(
      .batchNormalization(
        .init(
          gamma: floats(channels, 0.3).map { 1 + $0 }, beta: floats(channels, 0.2),
          mean: floats(channels, 0.1), variance: floats(channels, 0.3).map { 0.7 + $0 },
          epsilon: 1e-5)), [value], shape(value))
  }

  /// A convolution and its normalization.
  mutating func layer(_ value: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1) -> Int {
    normalization(convolution(value, outputs, kernel: kernel, stride: stride))
  }

  @discardableResult
  mutating func linear(_ value: Int, _ outputs: Int) -> Int {
    let weights = floats(outputs * shape(value)[0], 0.5)
    return add(
      .linear(
        .init(weights: weights, bias: floats(outputs, 0.1), outputFeatures: outputs)), [value],
      [outputs])
  }
}

/// The largest difference between a gradient and central differences of `loss`, over the largest
/// slope.
func disagreement(
  _ gradient: [Float], at values: [Float], step: Float = 0x1p-7, every stride: Int = 1,
  _ loss: ([Float]) throws -> Double
) rethrows -> Double {
  var worst = 0.0
  var largest = 1e-9
  for index in Swift.stride(from: 0, to: values.count, by: stride) {
    var moved = values
    moved[index] = values[index] + step
    let above = try loss(moved)
    moved[index] = values[index] - step
    let slope = (above - (try loss(moved))) / Double(2 * step)
    worst = max(worst, abs(slope - Double(gradient[index])))
    largest = max(largest, abs(slope))
  }
  return worst / largest
}
