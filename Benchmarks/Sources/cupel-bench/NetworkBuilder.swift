import FixedPoint
import IntegerOperators
import ModelWriter
import Support

/// Builds integer programs of given shapes with random weights, whose outputs spread over their
/// grids: time depends on shapes alone.
struct NetworkBuilder {
  private(set) var program = IntegerProgram()
  private var generator = SeededGenerator(seed: 1)
  let bits: Int
  /// The tensor that the next operation reads.
  var current = 0

  init(height: Int, width: Int, channels: Int, bits: Int) {
    self.bits = bits
    program.tensors = [
      IntegerTensor(
        name: "input", height: height, width: width, channels: channels, bits: 8, zeroPoint: -3,
        scale: 0.02)
    ]
  }

  var shape: (height: Int, width: Int, channels: Int) {
    let tensor = program.tensors[current]
    return (tensor.height, tensor.width, tensor.channels)
  }

  mutating func finished() -> IntegerProgram {
    program.output = current
    return program
  }

  /// Kernel, stride and padding of one axis.
  private struct Axis {
    var kernel, stride, before, output: Int

    /// Padding as TensorFlow's SAME has it: the larger half behind.
    init(same input: Int, kernel: Int, stride: Int) {
      self.kernel = kernel
      self.stride = stride
      output = (input + stride - 1) / stride
      before = max((output - 1) * stride + kernel - input, 0) / 2
    }

    /// Padding of (kernel - 1) / 2 on either side, as PyTorch's networks have it.
    init(even input: Int, kernel: Int, stride: Int) {
      self.kernel = kernel
      self.stride = stride
      before = (kernel - 1) / 2
      output = (input + 2 * before - kernel) / stride + 1
    }
  }

  /// Whose padding is used.
  var padsLikeTensorFlow = false

  private func window(
    _ kernel: (Int, Int), stride: Int
  ) -> (IntegerOperation.Window, height: Int, width: Int) {
    func axis(_ input: Int, _ kernel: Int) -> Axis {
      padsLikeTensorFlow
        ? Axis(same: input, kernel: kernel, stride: stride)
        : Axis(even: input, kernel: kernel, stride: stride)
    }
    let rows = axis(shape.height, kernel.0)
    let columns = axis(shape.width, kernel.1)
    let window = IntegerOperation.Window(
      kernelHeight: kernel.0, kernelWidth: kernel.1, strideHeight: stride, strideWidth: stride,
      padTop: rows.before, padLeft: columns.before)
    return (window, rows.output, columns.output)
  }

  mutating func convolution(
    _ channels: Int, kernel: (Int, Int) = (3, 3), stride: Int = 1, relu: Bool = true
  ) {
    let (window, height, width) = window(kernel, stride: stride)
    let weights = weighted(
      terms: kernel.0 * kernel.1 * shape.channels, channels: channels, relu: relu)
    append(
      .convolution(.init(window, groups: 1, weights)), [current],
      tensor(height: height, width: width, channels: channels))
  }

  mutating func depthwise(stride: Int = 1) {
    let (window, height, width) = window((3, 3), stride: stride)
    let channels = shape.channels
    append(
      .depthwiseConvolution(.init(window, weighted(terms: 9, channels: channels, relu: true))), [current],
      tensor(height: height, width: width, channels: channels))
  }

  mutating func fullyConnected(_ channels: Int, relu: Bool = false) {
    let inputs = program.tensors[current].elementCount
    append(
      .fullyConnected(.init(weighted(terms: inputs, channels: channels, relu: relu))), [current],
      tensor(height: 1, width: 1, channels: channels))
  }

  /// `current` + `other`, with ReLU where asked for.
  mutating func add(_ other: Int, relu: Bool) {
    let extent = shape
    let output = tensor(height: extent.height, width: extent.width, channels: extent.channels)
    let kind = IntegerOperation.Add(
      multipliers: [1 << 30, 1_518_500_250], shifts: [0, -1], outputMultiplier: 1_690_499_072,
      outputShift: -18, low: Int8(relu ? output.zeroPoint : -128), high: 127)
    append(.add(.init(kind)), [current, other], output)
  }

  mutating func mean() {
    let extent = shape
    let ratio = 1.5 / Float(extent.height * extent.width)
    let (multiplier, shift) = Self.fixedPoint(ratio)
    append(
      .mean(.init(
        .init(
          ratio: ratio, multiplier: multiplier, shift: shift, rounding: .doubleRounding, low: -128,
          high: 127))),
      [current], tensor(height: 1, width: 1, channels: extent.channels))
  }

  /// Every second pixel, and zeros around the channels: ResNet's shortcut without weights.
  mutating func halvedShortcut(channels: Int) {
    let extent = shape
    var half = program.tensors[current]
    half.height = (extent.height + 1) / 2
    half.width = (extent.width + 1) / 2
    append(
      .slice(.init(start: [0, 0, 0], step: [2, 2, 1])), [current], half)
    half.channels = channels
    append(
      .pad(.init(
        Axes(0, 0, (channels - extent.channels) / 2),
        value: Int8(half.zeroPoint))), [current], half)
  }

  // MARK: - Parts

  private func tensor(height: Int, width: Int, channels: Int) -> IntegerTensor {
    IntegerTensor(
      name: "", height: height, width: width, channels: channels, bits: 8, zeroPoint: -8,
      scale: 0.02)
  }

  private mutating func append(
    _ kind: IntegerOperation.Kind, _ inputs: [Int], _ output: IntegerTensor
  ) {
    var output = output
    output.name = "t\(program.tensors.count)"
    program.operations.append(
      IntegerOperation(
        name: "o\(program.operations.count)", kind: kind, inputs: inputs,
        output: program.tensors.count))
    program.tensors.append(output)
    current = program.tensors.count - 1
  }

  private mutating func weighted(
    terms: Int, channels: Int, relu: Bool
  ) -> IntegerOperation.Weighted {
    let limit = bits == 8 ? 127 : 7
    let weights = (0..<terms * channels).map { _ in Int8(generator.integer(in: -limit...limit)) }
    let spread = Float(terms).squareRoot() * 75 * Float(limit) * 0.6
    let scales = (0..<channels).map { _ in
      let ratio = 50 / spread * generator.uniform(0.7, 1.4)
      let (multiplier, shift) = Self.fixedPoint(ratio)
      return ChannelScale(
        weightScale: ratio, multiplier: multiplier, shift: shift)
    }
    return .init(
      bits: bits, weights: weights,
      bias: (0..<channels).map { _ in Int32(generator.integer(in: -1000...1000)) }, scales: scales,
      rounding: .doubleRounding, low: relu ? -8 : -128, high: 127)
  }

  private static func fixedPoint(_ ratio: Float) -> (Int32, Int32) {
    (Int32(ratio.significand * 0x1p30), Int32(ratio.exponent) + 1)
  }
}
