import CupelFloatGraph
import CupelSupport
import TestSupport

/// Small float networks with every operation, in a random order: each operation once, and then the
/// classifier's end. BatchNorm factors are negative or zero every so often.
struct RandomGraph {
  private enum Kind: CaseIterable {
    case convolution, groupedConvolution, depthwise, normalization, clamp, residual, averagePool
    case maxPool, pad, slice, concatenation, function, gate, transposeConvolution

    /// Whether it bends values by more than a clamp, or enlarges the image.
    var isElaborate: Bool {
      switch self {
      case .function, .gate, .transposeConvolution: true
      default: false
      }
    }
  }

  private var generator: SeededGenerator
  private var builder: GraphBuilder
  private var value = 0
  private let isPlain: Bool

  /// - Parameter isPlain: leaves out activation functions, products and transpose convolutions.
  init(seed: UInt64, isPlain: Bool = false) {
    self.isPlain = isPlain
    generator = SeededGenerator(seed: seed, stream: 77)
    builder = GraphBuilder([
      generator.integer(in: 1...4), generator.integer(in: 7...10), generator.integer(in: 7...10),
    ])
  }

  mutating func build() throws -> FloatGraph {
    // The first layer is always a plain one, as in real networks.
    grow(.convolution)
    let kinds = Kind.allCases.filter { !isPlain || !$0.isElaborate }
    for index in generator.permutation(kinds.count) { grow(kinds[index]) }
    finish()
    return try builder.graph(output: value)
  }

  private var channels: Int { builder.shape(value)[0] }
  private var height: Int { builder.shape(value)[1] }
  private var width: Int { builder.shape(value)[2] }

  private mutating func grow(_ kind: Kind) {
    switch kind {
    case .convolution:
      value = convolution(of: value, outputs: generator.integer(in: 2...6), window: window())
    case .groupedConvolution:
      value = convolution(of: value, outputs: 2 * generator.integer(in: 1...3), window: pointwise)
      value = convolution(of: value, outputs: 4, window: window(), groups: 2)
    case .depthwise:
      value = convolution(of: value, outputs: channels, window: window(), groups: channels)
    case .normalization:
      // A pooling before it keeps it from fusing into a layer.
      value = builder.pool(value, pointwise, average: false)
      value = normalization(of: value)
    case .clamp:
      value = builder.pool(value, pointwise, average: false)
      value = builder.clamp(value, -0.5, 1)
    case .residual:
      let branch = convolution(of: value, outputs: channels, window: pointwise)
      if generator.chance(0.5) { value = builder.add(value, value) }
      value = builder.add(branch, value)
      if generator.chance(0.5) { value = builder.clamp(value) }
    case .averagePool:
      value = builder.pool(
        value, window(), average: true, countsPadding: generator.chance(0.5))
    case .maxPool:
      value = builder.pool(value, window(), average: false)
    case .function:
      value = builder.apply(
        generator.chance(0.5)
          ? .hardSwish : .leakyRelu(slope: generator.uniform(-0.2, 0.4)), value)
    case .gate:
      // x · sigmoid(x), or another branch's sigmoid.
      let branch =
        generator.chance(0.5)
        ? value : convolution(of: value, outputs: channels, window: pointwise)
      value = builder.multiply(builder.apply(.sigmoid, branch), value)
      if generator.chance(0.3) { value = builder.clamp(value, -0.1, 0.5) }
    case .transposeConvolution: transposeConvolution()
    case .pad: pad()
    case .slice: slice()
    case .concatenation:
      let branch = convolution(of: value, outputs: channels, window: pointwise)
      let axis = generator.integer(in: 0...2)
      var shape = builder.shape(value)
      shape[axis] *= 2
      value = builder.add(.concatenate(axis: axis), [value, branch], shape)
      // Keep the network small.
      let outputs = generator.integer(in: 2...5)
      value = convolution(of: value, outputs: outputs, window: pointwise)
    }
  }

  private var pointwise: FloatGraph.Window { FloatGraph.Window(kernelHeight: 1, kernelWidth: 1) }

  /// A window that fits: every position meets the image.
  private mutating func window() -> FloatGraph.Window {
    let isLarge = min(height, width) > 5
    var window = FloatGraph.Window(
      kernelHeight: min(height, generator.integer(in: 1...3)),
      kernelWidth: min(width, generator.integer(in: 1...3)))
    if isLarge, generator.chance(0.3) {
      window.dilationHeight = generator.integer(in: 1...2)
      window.dilationWidth = generator.integer(in: 1...2)
    } else if isLarge, generator.chance(0.3) {
      window.strideHeight = generator.integer(in: 1...2)
      window.strideWidth = generator.integer(in: 1...2)
    }
    if window.kernelHeight > 1 {
      window.padTop = generator.integer(in: 0...1)
      window.padBottom = generator.integer(in: 0...1)
    }
    if window.kernelWidth > 1 {
      window.padLeft = generator.integer(in: 0...1)
      window.padRight = generator.integer(in: 0...1)
    }
    return window
  }

  private mutating func convolution(
    of input: Int, outputs: Int, window: FloatGraph.Window, groups: Int = 1
  ) -> Int {
    let columns = builder.shape(input)[0] / groups * window.kernelHeight * window.kernelWidth
    let size = 1.7 / Float(columns).squareRoot()
    var output = builder.convolution(
      input, weights: generator.floats(outputs * columns, -size, size),
      bias: generator.chance(0.5) ? generator.floats(outputs, -0.3, 0.3) : nil, outputs: outputs,
      window: window, groups: groups)
    if generator.chance(0.7) { output = normalization(of: output) }
    if generator.chance(0.5) {
      output = builder.clamp(output, 0, generator.chance(0.3) ? 1.5 : .infinity)
    }
    return output
  }

  private mutating func transposeConvolution() {
    let isGrouped = generator.chance(0.5)
    let outputs = isGrouped ? channels * generator.integer(in: 1...2) : generator.integer(in: 2...5)
    var window = FloatGraph.Window(
      kernelHeight: generator.integer(in: 1...3), kernelWidth: generator.integer(in: 2...3))
    // Where it makes the image too large it only slides.
    if max(height, width) < 8 {
      window.strideHeight = generator.integer(in: 1...2)
      window.strideWidth = generator.integer(in: 1...3)
    }
    if generator.chance(0.3) { window.dilationWidth = 2 }
    if window.kernelHeight > 1 {
      window.padTop = generator.integer(in: 0...1)
      window.padBottom = generator.integer(in: 0...1)
    }
    window.padLeft = generator.integer(in: 0...1)
    window.padRight = generator.integer(in: 0...1)
    let groups = isGrouped ? channels : 1
    let columns = channels / groups * window.kernelHeight * window.kernelWidth
    let size = 1.7 / Float(columns).squareRoot()
    value = builder.transposeConvolution(
      value, weights: generator.floats(outputs * columns, -size, size),
      bias: generator.chance(0.5) ? generator.floats(outputs, -0.3, 0.3) : nil, outputs: outputs,
      window: window, groups: groups,
      outputPad: (window.strideHeight > 1 ? generator.integer(in: 0...1) : 0, 0))
    if generator.chance(0.7) { value = normalization(of: value) }
    if generator.chance(0.5) { value = builder.clamp(value) }
  }

  private mutating func normalization(of input: Int) -> Int {
    let count = builder.shape(input)[0]
    let gamma = (0..<count).map { _ in
      generator.chance(0.15) ? 0 : generator.uniform(0.4, 1.4) * (generator.chance(0.4) ? -1 : 1)
    }
    return builder.normalization(
      input, gamma: gamma, beta: generator.floats(count, -0.3, 0.5),
      mean: generator.floats(count, -0.2, 0.2), variance: generator.floats(count, 0.2, 1.2),
      epsilon: 1e-5)
  }

  private mutating func pad() {
    let before = [generator.integer(in: 0...1), generator.integer(in: 0...1), 1]
    let after = [generator.integer(in: 0...1), 1, generator.integer(in: 0...1)]
    let shape = (0..<3).map { builder.shape(value)[$0] + before[$0] + after[$0] }
    value = builder.add(
      .pad(FloatGraph.Pad(before: before, after: after, value: 0)), [value], shape)
  }

  private mutating func slice() {
    let shape = builder.shape(value)
    let start = shape.map { $0 > 3 ? generator.integer(in: 0...1) : 0 }
    let step = shape.map { $0 > 5 ? generator.integer(in: 1...2) : 1 }
    let counts = (0..<3).map { axis in
      let most = (shape[axis] - start[axis] + step[axis] - 1) / step[axis]
      return most > 3 ? most - generator.integer(in: 0...1) : most
    }
    value = builder.add(.slice(FloatGraph.Slice(start: start, step: step)), [value], counts)
  }

  private mutating func linear(outputs: Int) -> Int {
    let count = builder.shape(value).reduce(1, *)
    let size = 1.7 / Float(count).squareRoot()
    return builder.linear(
      value, weights: generator.floats(outputs * count, -size, size),
      bias: generator.chance(0.5) ? generator.floats(outputs, -0.3, 0.3) : nil, outputs: outputs)
  }

  private mutating func finish() {
    switch generator.integer(in: 0...3) {
    case 0:
      value = builder.globalAveragePool(value)
    case 1:
      value = builder.add(.globalAveragePool, [value], [channels, 1, 1])
      value = builder.clamp(value, -0.4, 2)
      value = builder.flatten(value)
    case 2:
      value = builder.flatten(value)
      value = builder.clamp(value, -1, 1)
    default:
      value = builder.flatten(value)
      value = linear(outputs: 6)
      value = normalization(of: value)
      value = builder.clamp(value)
    }
    value = linear(outputs: 5)
  }
}
