import CupelFineTuning
import CupelFloatGraph
import CupelSupport
import TestSupport

/// A small residual classifier of three classes, and images that it can learn to tell apart.
enum Problems {
  static let classes = 3

  /// Two stages of 6 × 6 and 3 × 3 with a residual block each.
  static func network(seed: UInt64 = 1, widths: (Int, Int) = (4, 5)) -> FloatGraph {
    var builder = GraphBuilder([1, 6, 6], seed: seed)
    let stem = builder.clamp(builder.layer(0, widths.0))
    let inner = builder.layer(stem, widths.0)
    let first = builder.clamp(builder.add(inner, stem))
    let down = builder.clamp(builder.layer(first, widths.1, stride: 2))
    let deep = builder.layer(down, widths.1)
    let skip = builder.layer(first, widths.1, kernel: 1, stride: 2)
    let second = builder.clamp(builder.add(deep, skip))
    let pooled = builder.globalAveragePool(second)
    builder.linear(pooled, classes)
    return builder.graph
  }

  /// Down to 3 × 3 and up again to 6 × 6 by a transpose convolution, with x · sigmoid(x) and other
  /// activation functions between the layers.
  static func upsampling(seed: UInt64 = 1) -> FloatGraph {
    var builder = GraphBuilder([1, 6, 6], seed: seed)
    let stem = builder.layer(0, 4)
    let first = builder.gated(stem)
    let down = builder.layer(first, 6, stride: 2)
    let deep = builder.apply(.hardSwish, down)
    let weights = builder.floats(6 * 6 / 2 * 4, 0.7)
    let up = builder.normalization(
      builder.add(
        .transposeConvolution(
          .init(
            weights: weights, bias: nil, outputChannels: 6,
            window: .init(kernelHeight: 2, kernelWidth: 2, strideHeight: 2, strideWidth: 2),
            groups: 2)), [deep], [6, 6, 6]))
    let bent = builder.apply(.leakyRelu(slope: 0.1), up)
    let last = builder.gated(builder.layer(bent, 5))
    let pooled = builder.globalAveragePool(last)
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

/// Layers of random weights.
extension GraphBuilder {
  mutating func floats(_ count: Int, _ limit: Float) -> [Float] {
    generator.floats(count, -limit, limit)
  }

  mutating func convolution(_ value: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1) -> Int {
    let fanIn = shape(value)[0] * kernel * kernel
    return convolution(
      value, weights: floats(outputs * fanIn, (3 / Float(fanIn)).squareRoot()), outputs: outputs,
      window: .square(kernel, stride: stride, pad: kernel / 2))
  }

  mutating func normalization(_ value: Int) -> Int {
    let channels = shape(value)[0]
    return normalization(
      value, gamma: floats(channels, 0.3).map { 1 + $0 }, beta: floats(channels, 0.2),
      mean: floats(channels, 0.1), variance: floats(channels, 0.3).map { 0.7 + $0 },
      epsilon: 1e-5)
  }

  /// A convolution and its normalization.
  mutating func layer(_ value: Int, _ outputs: Int, kernel: Int = 3, stride: Int = 1) -> Int {
    normalization(convolution(value, outputs, kernel: kernel, stride: stride))
  }

  @discardableResult
  mutating func linear(_ value: Int, _ outputs: Int) -> Int {
    linear(
      value, weights: floats(outputs * shape(value)[0], 0.5), bias: floats(outputs, 0.1),
      outputs: outputs)
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
