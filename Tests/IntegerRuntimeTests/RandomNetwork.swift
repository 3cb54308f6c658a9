import FixedPoint
import IntegerOperators
import ModelWriter

/// Grows a program operation by operation; each one reads the tensor before it, so that every
/// tensor is used.
struct RandomNetwork {
  private(set) var program = IntegerProgram()
  private var generator: SeededGenerator
  private let weightBits: Int

  /// One operation of every kind, in a random order, then a few more.
  init(seed: UInt64, weightBits: Int) {
    generator = SeededGenerator(seed: seed)
    self.weightBits = weightBits
    add(
      tensor(
        height: Int.random(in: 4...9, using: &generator),
        width: Int.random(in: 4...9, using: &generator),
        channels: Int.random(in: 1...9, using: &generator), bits: 8))
    var kinds = Array(0..<18) + (0..<4).map { _ in Int.random(in: 0..<18, using: &generator) }
    kinds.shuffle(using: &generator)
    for kind in kinds { grow(kind) }
    // These two leave one pixel, so they come last.
    growMean()
    growFullyConnected()
    program.output = program.tensors.count - 1
  }

  private var last: Int { program.tensors.count - 1 }
  private var current: IntegerTensor { program.tensors[last] }

  private mutating func add(_ tensor: IntegerTensor) {
    program.tensors.append(tensor)
  }

  private mutating func add(_ kind: IntegerOperation.Kind, inputs: [Int], output: IntegerTensor) {
    program.operations.append(
      IntegerOperation(
        name: "op\(program.operations.count)", kind: kind, inputs: inputs,
        output: program.tensors.count))
    add(output)
  }

  private mutating func tensor(
    height: Int, width: Int, channels: Int, bits: Int? = nil
  ) -> IntegerTensor {
    let bits = bits ?? (Int.random(in: 0...3, using: &generator) == 0 ? 4 : 8)
    let zeros = bits == 8 ? -128...127 : -8...7
    return IntegerTensor(
      name: "t\(program.tensors.count)", height: height, width: width, channels: channels,
      bits: bits, zeroPoint: Int.random(in: zeros, using: &generator),
      scale: Float.random(in: 0.01...0.2, using: &generator))
  }

  /// The current tensor's grid with another extent.
  private func sameGrid(height: Int, width: Int, channels: Int) -> IntegerTensor {
    var tensor = current
    tensor.name = "t\(program.tensors.count)"
    tensor.height = height
    tensor.width = width
    tensor.channels = channels
    return tensor
  }

  /// A clamp inside a tensor's grid.
  private mutating func range(_ tensor: IntegerTensor) -> (low: Int8, high: Int8) {
    let limits: (ClosedRange<Int8>, ClosedRange<Int8>) =
      tensor.bits == 8 ? (-128 ... -100, 90...127) : (-8 ... -7, 6...7)
    return (
      Int8.random(in: limits.0, using: &generator), Int8.random(in: limits.1, using: &generator)
    )
  }

  /// Double arithmetic is for operations with weights only.
  private mutating func rounding(isWeighted: Bool) -> RoundingMode {
    RoundingMode.allCases.filter { isWeighted || $0 != .float64HalfAway }
      .randomElement(using: &generator)!
  }
}

// MARK: - Operations

extension RandomNetwork {
  private mutating func grow(_ kind: Int) {
    switch kind {
    case 0, 1: growConvolution()
    case 2: growDepthwise()
    case 3: growAdd()
    case 4: growPool(isAverage: true)
    case 5: growPool(isAverage: false)
    case 6: growRequantize()
    case 7: growClamp()
    case 8: growPad()
    case 9: growConcatenate()
    case 10: growSlice()
    case 11: growWithConstant(isProduct: false)
    case 12: growWithConstant(isProduct: true)
    case 13: growLookup()
    case 14: growTranspose()
    case 15: growReshape()
    case 16: growTransposeConvolution()
    default: growBroadcast()
    }
  }

  /// A window and the extent that it leaves, small enough to keep the network alive.
  private mutating func window(
    dilated: Bool
  ) -> (window: IntegerOperation.Window, height: Int, width: Int) {
    var axes: [(kernel: Int, stride: Int, dilation: Int, pad: Int, output: Int)] = []
    for size in [current.height, current.width] {
      let dilation = dilated ? Int.random(in: 1...2, using: &generator) : 1
      let kernel = Int.random(in: 1...3, using: &generator)
      let reach = (kernel - 1) * dilation + 1
      let stride = size > 5 ? Int.random(in: 1...2, using: &generator) : 1
      // Padding on both sides together so that every position is covered.
      let total = reach - 1
      let output = (size + total - reach) / stride + 1
      axes.append((kernel, stride, dilation, total / 2, output))
    }
    let window = IntegerOperation.Window(
      kernelHeight: axes[0].kernel, kernelWidth: axes[1].kernel, strideHeight: axes[0].stride,
      strideWidth: axes[1].stride, dilationHeight: axes[0].dilation,
      dilationWidth: axes[1].dilation, padTop: axes[0].pad, padLeft: axes[1].pad)
    return (window, axes[0].output, axes[1].output)
  }

  /// Weights, bias and scales that spread the outputs over the grid.
  private mutating func weighted(
    rows: Int, terms: Int, output: IntegerTensor
  ) -> IntegerOperation.Weighted {
    let limit: Int8 = weightBits == 8 ? 127 : 7
    let inputSpread: Float = current.bits == 8 ? 75 : 4.5
    let outputSpread: Float = output.bits == 8 ? 45 : 3
    let typical =
      outputSpread / (Float(terms).squareRoot() * inputSpread * Float(limit) * 0.6)
    let scales = (0..<output.channels).map { _ in
      let sign: Float = Bool.random(using: &generator) ? 1 : -1
      let ratio = sign * typical * Float.random(in: 0.5...2, using: &generator)
      return channelScale(ratio, weightScale: ratio * output.scale / current.scale)
    }
    let reach = Int32(20 / typical)
    let range = range(output)
    return IntegerOperation.Weighted(
      bits: weightBits,
      weights: (0..<rows * terms).map { _ in
        Int8.random(in: -limit - 1...limit, using: &generator)
      },
      bias: (0..<output.channels).map { _ in Int32.random(in: -reach...reach, using: &generator) },
      scales: scales, rounding: rounding(isWeighted: true), low: range.low, high: range.high)
  }

  private func channelScale(
    _ ratio: Float, weightScale: Float
  ) -> ChannelScale {
    let parts = quantized(ratio)
    return ChannelScale(
      weightScale: weightScale, multiplier: parts.multiplier, shift: parts.shift)
  }

  /// ratio = multiplier · 2^(shift − 31) exactly: a float32 has 24 bits.
  private func quantized(_ ratio: Float) -> (multiplier: Int32, shift: Int32) {
    (Int32(ratio.significand * 0x1p30) * (ratio < 0 ? -1 : 1), Int32(ratio.exponent) + 1)
  }

  private mutating func growConvolution() {
    let groups = (1...current.channels).filter { current.channels % $0 == 0 }
      .randomElement(using: &generator)!
    let shape = window(dilated: true)
    let channels = groups * Int.random(in: 1...(groups > 3 ? 1 : 4), using: &generator)
    let output = tensor(height: shape.height, width: shape.width, channels: channels)
    let terms =
      shape.window.kernelHeight * shape.window.kernelWidth * current.channels / groups
    let weighted = weighted(rows: channels, terms: terms, output: output)
    add(.convolution(.init(shape.window, groups: groups, weighted)), inputs: [last], output: output)
  }

  private mutating func growTransposeConvolution() {
    let groups = current.channels % 2 == 0 ? 2 : 1
    let stride = current.height * current.width < 20 ? 2 : 1
    let window = Window(
      kernelHeight: 3, kernelWidth: 2, strideHeight: stride, strideWidth: stride,
      dilationWidth: Int.random(in: 1...2, using: &generator), padTop: 1,
      padLeft: Int.random(in: 0...1, using: &generator))
    let channels = groups * Int.random(in: 1...3, using: &generator)
    let output = tensor(
      height: (current.height - 1) * stride + 3 - 1
        - Int.random(in: (1 - stride)...0, using: &generator),
      width: (current.width - 1) * stride + window.dilationWidth + 1 - window.padLeft,
      channels: channels)
    let weighted = weighted(
      rows: channels, terms: window.taps * current.channels / groups, output: output)
    add(
      .transposeConvolution(.init(window, groups: groups, weighted)), inputs: [last],
      output: output)
  }

  private mutating func growDepthwise() {
    let shape = window(dilated: true)
    let output = tensor(height: shape.height, width: shape.width, channels: current.channels)
    let taps = shape.window.kernelHeight * shape.window.kernelWidth
    let weighted = weighted(rows: current.channels, terms: taps, output: output)
    add(.depthwiseConvolution(.init(shape.window, weighted)), inputs: [last], output: output)
  }

  private mutating func growFullyConnected() {
    let output = tensor(height: 1, width: 1, channels: 10, bits: 8)
    let weighted = weighted(rows: 10, terms: current.elementCount, output: output)
    add(.fullyConnected(.init(weighted)), inputs: [last], output: output)
  }

  private mutating func growAdd() {
    let partner =
      program.tensors.indices.filter {
        program.tensors[$0].height == current.height && program.tensors[$0].width == current.width
          && program.tensors[$0].channels == current.channels
      }.randomElement(using: &generator)!
    let output = tensor(height: current.height, width: current.width, channels: current.channels)
    let twice = 2 * max(current.scale, program.tensors[partner].scale)
    let first = quantized(current.scale / twice)
    let second = quantized(program.tensors[partner].scale / twice)
    let back = quantized(
      Float.random(in: 0.2...1.5, using: &generator) * (output.bits == 8 ? 1 : 0.06) / 0x1p20)
    let range = range(output)
    add(
      .add(
        .init(
          IntegerOperation.Add(
            multipliers: [first.multiplier, second.multiplier],
            shifts: [min(first.shift, 0), min(second.shift, 0)],
            outputMultiplier: back.multiplier, outputShift: back.shift, low: range.low,
            high: range.high))), inputs: [last, partner], output: output)
  }

  private mutating func growPool(isAverage: Bool) {
    let shape = window(dilated: false)
    let output = sameGrid(height: shape.height, width: shape.width, channels: current.channels)
    add(
      isAverage ? .averagePool(.init(shape.window)) : .maxPool(.init(shape.window)), inputs: [last],
      output: output)
  }

  private mutating func rescale(
    _ ratio: Float, output: IntegerTensor
  ) -> IntegerOperation.Rescale {
    let parts = quantized(ratio)
    let range = range(output)
    return IntegerOperation.Rescale(
      ratio: ratio, multiplier: parts.multiplier, shift: parts.shift,
      rounding: rounding(isWeighted: false), low: range.low, high: range.high)
  }

  private mutating func growRequantize() {
    let output = tensor(height: current.height, width: current.width, channels: current.channels)
    let grids: Float = (output.bits == 8 ? 1 : 0.06) / (current.bits == 8 ? 1 : 0.06)
    let rescale = rescale(
      grids * Float.random(in: 0.6...1.4, using: &generator), output: output)
    add(.requantize(.init(rescale)), inputs: [last], output: output)
  }

  private mutating func growMean() {
    let output = tensor(height: 1, width: 1, channels: current.channels)
    let grids: Float = (output.bits == 8 ? 1 : 0.06) / (current.bits == 8 ? 1 : 0.06)
    let rescale = rescale(
      grids * Float.random(in: 0.8...2, using: &generator)
        / Float(current.height * current.width), output: output)
    add(.mean(.init(rescale)), inputs: [last], output: output)
  }

  private mutating func growClamp() {
    let range = range(current)
    add(
      .clamp(.init(low: range.low, high: range.high)), inputs: [last],
      output: sameGrid(
        height: current.height, width: current.width, channels: current.channels))
  }

  private mutating func growPad() {
    let pad = Axes(
      Int.random(in: 0...1, using: &generator), Int.random(in: 0...1, using: &generator),
      Int.random(in: 0...2, using: &generator))
    let output = sameGrid(
      height: current.height + pad.height + Int.random(in: 0...1, using: &generator),
      width: current.width + pad.width + Int.random(in: 0...1, using: &generator),
      channels: current.channels + pad.channels + Int.random(in: 0...2, using: &generator))
    add(.pad(.init(pad, value: Int8(current.zeroPoint))), inputs: [last], output: output)
  }

  private mutating func growConcatenate() {
    let axis = Int.random(in: 0...2, using: &generator)
    add(
      .concatenate(.init(axis: axis)), inputs: [last, last],
      output: sameGrid(
        height: current.height * (axis == 0 ? 2 : 1), width: current.width * (axis == 1 ? 2 : 1),
        channels: current.channels * (axis == 2 ? 2 : 1)))
  }

  /// The current tensor less a constant, or times one.
  private mutating func growWithConstant(isProduct: Bool) {
    let (first, source) = (last, current)
    let constant = tensor(
      height: source.height, width: source.width, channels: source.channels, bits: 8)
    add(
      .constant(
        .init(
          (0..<constant.elementCount).map { _ in Int8.random(in: -128...127, using: &generator) })),
      inputs: [], output: constant)
    let output = tensor(height: source.height, width: source.width, channels: source.channels)
    if isProduct {
      let grids: Float = (output.bits == 8 ? 0.01 : 0.0006) / (source.bits == 8 ? 1 : 0.06)
      let rescale = rescale(
        grids * Float.random(in: 0.6...1.4, using: &generator), output: output)
      add(.multiply(.init(rescale)), inputs: [first, last], output: output)
      return
    }
    let twice = 2 * max(source.scale, constant.scale)
    let own = quantized(source.scale / twice)
    let other = quantized(constant.scale / twice)
    let back = quantized(
      Float.random(in: 0.2...1.5, using: &generator) * (output.bits == 8 ? 1 : 0.06) / 0x1p20)
    let range = range(output)
    add(
      .subtract(
        .init(
          IntegerOperation.Add(
            multipliers: [own.multiplier, other.multiplier],
            shifts: [min(own.shift, 0), min(other.shift, 0)],
            outputMultiplier: back.multiplier, outputShift: back.shift, low: range.low,
            high: range.high))), inputs: [first, last], output: output)
  }

  /// Tables read int8: a narrow tensor is clamped instead.
  private mutating func growLookup() {
    guard current.bits == 8 else { return growClamp() }
    let output = tensor(
      height: current.height, width: current.width, channels: current.channels, bits: 8)
    add(
      .lookup(.init(table: (0..<256).map { _ in Int8.random(in: -128...127, using: &generator) })),
      inputs: [last], output: output)
  }

  private mutating func growTranspose() {
    let axes = [0, 1, 2].shuffled(using: &generator)
    let extents = axes.map { [current.height, current.width, current.channels][$0] }
    add(
      .transpose(.init(axes: Axes(axes))), inputs: [last],
      output: sameGrid(height: extents[0], width: extents[1], channels: extents[2]))
  }

  private mutating func growReshape() {
    add(
      .reshape(.init()), inputs: [last],
      output: sameGrid(height: current.width, width: current.height, channels: current.channels))
  }

  /// A row of the current tensor, once more for every row.
  private mutating func growBroadcast() {
    let height = current.height
    add(
      .slice(.init(start: [0, 0, 0], step: [1, 1, 1])), inputs: [last],
      output: sameGrid(height: 1, width: current.width, channels: current.channels))
    add(
      .broadcast(.init()), inputs: [last],
      output: sameGrid(height: height, width: current.width, channels: current.channels))
  }

  private mutating func growSlice() {
    var start: [Int] = []
    var step: [Int] = []
    var counts: [Int] = []
    for size in [current.height, current.width, current.channels] {
      let first = Int.random(in: 0...min(1, size - 1), using: &generator)
      let stride = size > 6 ? Int.random(in: 1...2, using: &generator) : 1
      start.append(first)
      step.append(stride)
      counts.append((size - 1 - first) / stride + 1)
    }
    add(
      .slice(Slice(start: Axes(start), step: Axes(step))), inputs: [last],
      output: sameGrid(height: counts[0], width: counts[1], channels: counts[2]))
  }
}
