import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport

/// Programs of one weighted operation or pool, with parameters at their extremes.
struct SingleLayer: CustomStringConvertible {
  enum Kind { case convolution, depthwise, fullyConnected, averagePool, maxPool }

  struct Axis {
    var input, kernel, stride, dilation, before: Int
    /// As many behind as before.
    var output: Int { (input + 2 * before - (kernel - 1) * dilation - 1 + stride) / stride }

    var isPool: Bool { dilation == 1 || before == 0 }
  }

  var kind: Kind
  var rows, columns: Axis
  var groups = 1
  /// Input channels and output channels of a group.
  var depth, channels: Int
  var bits = 8
  var program = IntegerProgram()

  var description: String {
    "\(kind) \(rows) \(columns) groups \(groups) depth \(depth) channels \(channels) bits \(bits)"
  }

  init(
    _ kind: Kind, rows: Axis, columns: Axis, groups: Int = 1, depth: Int, channels: Int, bits: Int,
    using generator: inout SeededGenerator
  ) {
    self.kind = kind
    self.rows = rows
    self.columns = columns
    self.groups = groups
    self.depth = depth
    self.channels = channels
    self.bits = bits
    build(using: &generator)
  }

  static func small(axis: Axis, using generator: inout SeededGenerator) -> [SingleLayer] {
    var other = axis
    other.input += 1
    var layers: [SingleLayer] = []
    for (depth, channels, groups) in [(1, 1, 1), (2, 17, 1), (3, 2, 1), (5, 33, 1), (3, 9, 2)] {
      layers.append(
        SingleLayer(
          .convolution, rows: axis, columns: other, groups: groups, depth: depth,
          channels: channels, bits: Bool.random(using: &generator) ? 8 : 4, using: &generator))
    }
    for depth in [1, 3, 8, 17] {
      layers.append(
        SingleLayer(
          .depthwise, rows: other, columns: axis, depth: depth, channels: depth,
          bits: Bool.random(using: &generator) ? 8 : 4, using: &generator))
    }
    if axis.isPool {
      for kind in [Kind.averagePool, .maxPool] {
        layers.append(
          SingleLayer(
            kind, rows: axis, columns: other, depth: 5, channels: 5, bits: 8, using: &generator))
      }
    }
    return layers
  }

  static func larger(count: Int, using generator: inout SeededGenerator) -> [SingleLayer] {
    (0..<count).map { index in
      let kernel = Int.random(in: 1...5, using: &generator)
      func axis(_ most: Int) -> Axis {
        while true {
          let axis = Axis(
            input: Int.random(in: 1...most, using: &generator), kernel: kernel,
            stride: Int.random(in: 1...2, using: &generator),
            dilation: Int.random(in: 1...2, using: &generator),
            before: Int.random(in: 0..<kernel, using: &generator))
          if axis.output >= 1 { return axis }
        }
      }
      let bits = index % 2 == 0 ? 8 : 4
      switch index % 5 {
      case 0, 1, 2:
        let groups = [1, 1, 1, 2, 4].randomElement(using: &generator)!
        return SingleLayer(
          .convolution, rows: axis(11), columns: axis(21), groups: groups,
          depth: Int.random(in: 1...70, using: &generator),
          channels: Int.random(in: 1...100, using: &generator), bits: bits, using: &generator)
      case 3:
        let channels =
          [1, 3, 8, 16, 24, 33, 40, 63, 64, 65, 100, 128, 130].randomElement(using: &generator)!
        return SingleLayer(
          .depthwise, rows: axis(9), columns: axis(17), depth: channels, channels: channels,
          bits: bits, using: &generator)
      default:
        let one = Axis(input: 1, kernel: 1, stride: 1, dilation: 1, before: 0)
        return SingleLayer(
          .fullyConnected, rows: one, columns: one,
          depth: Int.random(in: 1...700, using: &generator),
          channels: Int.random(in: 1...200, using: &generator), bits: bits, using: &generator)
      }
    }
  }

  private mutating func build(using generator: inout SeededGenerator) {
    let isWeighted = kind != .averagePool && kind != .maxPool
    let inputChannels = depth * groups
    let outputChannels = kind == .convolution ? channels * groups : channels
    let zeros = [-128, 127, 0, Int.random(in: -128...127, using: &generator)]
    let zero = zeros.randomElement(using: &generator)!
    program.tensors = [
      IntegerTensor(
        name: "in", height: rows.input, width: columns.input, channels: inputChannels, bits: 8,
        zeroPoint: zero, scale: 1),
      IntegerTensor(
        name: "out", height: rows.output, width: columns.output, channels: outputChannels, bits: 8,
        zeroPoint: isWeighted ? Int.random(in: -128...127, using: &generator) : zero, scale: 1),
    ]
    program.output = 1
    let window = IntegerOperation.Window(
      kernelHeight: rows.kernel, kernelWidth: columns.kernel, strideHeight: rows.stride,
      strideWidth: columns.stride, dilationHeight: rows.dilation, dilationWidth: columns.dilation,
      padTop: rows.before, padLeft: columns.before)
    let taps = rows.kernel * columns.kernel
    let operation: IntegerOperation.Kind =
      switch kind {
      case .convolution:
        .convolution(
          .init(
            window, groups: groups,
            weighted(terms: taps * depth, channels: outputChannels, using: &generator)))
      case .depthwise:
        .depthwiseConvolution(
          .init(
            window, weighted(terms: taps, channels: outputChannels, using: &generator)))
      case .fullyConnected:
        .fullyConnected(.init(weighted(terms: depth, channels: outputChannels, using: &generator)))
      case .averagePool: .averagePool(.init(window))
      case .maxPool: .maxPool(.init(window))
      }
    program.operations = [
      IntegerOperation(name: "layer", kind: operation, inputs: [0], output: 1)
    ]
  }

  /// Weights of either extreme or at random; biases and ratios that spread outputs over the grid.
  private func weighted(
    terms: Int, channels: Int, using generator: inout SeededGenerator
  ) -> IntegerOperation.Weighted {
    let low: Int8 = bits == 8 ? -128 : -8
    let high: Int8 = bits == 8 ? 127 : 7
    let hasExtremes = Int.random(in: 0..<4, using: &generator) == 0
    let weights = (0..<terms * channels).map { _ in
      hasExtremes
        ? (Bool.random(using: &generator) ? low : high)
        : Int8.random(in: low...high, using: &generator)
    }
    let spread = Float(terms).squareRoot() * 75 * Float(high) * 0.6
    let scales = (0..<channels).map { _ in
      let ratio =
        (Bool.random(using: &generator) ? 1 : -1) * 60 / spread
        * Float.random(in: 0.3...2, using: &generator)
      return channelScale(ratio)
    }
    return .init(
      bits: bits, weights: weights,
      bias: (0..<channels).map { _ in
        Int32.random(in: -Int32(spread)...Int32(spread), using: &generator)
      },
      scales: scales, rounding: RoundingMode.scalings.randomElement(using: &generator)!,
      low: Int16.random(in: -128...0, using: &generator),
      high: Int16.random(in: 1...127, using: &generator))
  }
}

/// ratio = multiplier · 2^(shift − 31) exactly: a float32 has 24 bits. Between tensors of scale 1.
func channelScale(_ ratio: Float) -> ChannelScale {
  if ratio == 0 { return .init(weightScale: 0, multiplier: 0, shift: 0) }
  let multiplier = Int32(ratio.significand * 0x1p30) * (ratio < 0 ? -1 : 1)
  return .init(weightScale: ratio, multiplier: multiplier, shift: Int32(ratio.exponent) + 1)
}
