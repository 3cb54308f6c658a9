import FixedPoint
import IntegerBuilder
import ModelWriter
import TFLiteSchema

/// Operators whose scales the kernels derive in ways of their own: what is written is compared with
/// the program on every accumulator that there can be.
extension TFLiteExporter {
  // MARK: Sums and products

  mutating func addSum(
    _ operation: IntegerOperation, _ add: IntegerOperation.Add, code: TFLite.Operation
  ) throws(ExportError) {
    let scales = operation.inputs.map { Double(program.tensors[$0].scale) }
    let sum = SumScales(
      scales[0], scales[1], output: Double(program.tensors[operation.output].scale))
    guard let sum, sum.multipliers == add.multipliers, sum.shifts == add.shifts,
      sum.outputMultiplier == add.outputMultiplier, sum.outputShift == add.outputShift
    else {
      throw .operation(
        name: operation.name, "its multipliers are not the ones that follow from the scales")
    }
    let (activation, target, rest) = activation(
      low: add.low, high: add.high, of: operation.output)
    append(
      code, version: 2, operation.inputs.map { image($0) }, target,
      options: (
        code == .add ? TFLite.OptionsType.add : TFLite.OptionsType.sub,
        [(TFLite.Options.Arithmetic.activation, .int8(activation.rawValue))]
      ))
    rest?(&self)
  }

  /// The kernels take the ratio of the scales in float32.
  mutating func addProduct(
    _ operation: IntegerOperation, _ rescale: IntegerOperation.Rescale
  ) throws(ExportError) {
    let inputs = operation.inputs.map { program.tensors[$0] }
    let output = program.tensors[operation.output]
    guard let derived = Scaled(Double(inputs[0].scale * inputs[1].scale / output.scale)) else {
      throw .operation(name: operation.name, "the ratio of its scales is too large")
    }
    let factors = inputs.map { Self.sums(of: 1, on: $0) }
    let corners = [factors[0].lowerBound, factors[0].upperBound].flatMap { one in
      [factors[1].lowerBound, factors[1].upperBound].map { one * $0 }
    }
    let products = (corners.min() ?? 0)...(corners.max() ?? 0)
    let differing = Self.differing(derived, Scaled(rescale.multiplier, rescale.shift), products)
    if differing > 0 { note(operation, .rounding(differing: differing, of: products.count)) }
    let (activation, target, rest) = activation(
      low: rescale.low, high: rescale.high, of: operation.output)
    append(
      .mul, version: 2, operation.inputs.map { image($0) }, target,
      options: (
        TFLite.OptionsType.mul,
        [(TFLite.Options.Arithmetic.activation, .int8(activation.rawValue))]
      ))
    rest?(&self)
  }

  /// The file states β, from which and the input's scale the kernels derive a multiplier.
  mutating func addSoftmax(
    _ operation: IntegerOperation, _ softmax: IntegerOperation.Softmax
  ) throws(ExportError) {
    let scale = Double(program.tensors[operation.inputs[0]].scale)
    let stated =
      Double(softmax.multiplier)
      * Double(sign: .plus, exponent: Int(softmax.leftShift) - 31, significand: 1)
    let derived = Float(stated / (scale * 0x1p26))
    let beta = [1, derived].first { beta in
      let ratio = min(Double(beta) * scale * 0x1p26, 0x1p31 - 1)
      let multiplier = Multiplier(ratio / 2)
      return multiplier?.value == softmax.multiplier
        && multiplier.map { $0.shift + 1 } == softmax.leftShift
    }
    guard let beta else {
      throw .operation(
        name: operation.name, "its multiplier does not follow from its input's scale")
    }
    append(
      .softmax, version: 2, [places[operation.inputs[0]]], places[operation.output],
      options: (TFLite.OptionsType.softmax, [(TFLite.Options.Softmax.beta, .float32(beta))]))
  }

  // MARK: Mean

  /// MEAN derives its multiplier from the scales' ratio and divides that by the number of elements in
  /// integers. Where that rounds any sum differently, a depthwise convolution by one may do better.
  mutating func addMean(_ operation: IntegerOperation, _ rescale: IntegerOperation.Rescale) {
    let input = program.tensors[operation.inputs[0]]
    let output = program.tensors[operation.output]
    let area = input.height * input.width
    let sums = Self.sums(of: area, on: input)
    let ratio = Double(input.scale) / Double(output.scale)
    let own = Scaled(rescale.multiplier, rescale.shift)
    let mean = Scaled(dividing: ratio, by: area).map { Self.differing($0, own, sums) } ?? sums.count
    let convolution =
      Scaled(Double(input.scale) * Double(1 / Float(area)) / Double(output.scale))
      .map { Self.differing($0, own, sums) } ?? sums.count
    let (activation, target, rest) = activation(
      low: rescale.low, high: rescale.high, of: operation.output)
    if mean > convolution, area * input.channels <= Self.largestOnes {
      addMeanConvolution(operation, area: area, activation: activation, target: target)
      note(operation, .rewritten(as: "DEPTHWISE_CONV_2D"))
      if convolution > 0 { note(operation, .rounding(differing: convolution, of: sums.count)) }
      rest?(&self)
      return
    }
    if mean > 0 { note(operation, .rounding(differing: mean, of: sums.count)) }
    // MEAN has no fused activation.
    let isBounded = activation != .none
    let result = isBounded ? temporary(like: operation.output, suffix: "/mean") : target
    let axes = file.add([1, 2], name: "axes")
    append(
      .mean, version: 2, [image(operation.inputs[0]), axes], result,
      options: (
        TFLite.OptionsType.reducer, [(TFLite.Options.Reducer.keepsDimensions, .bool(true))]
      ))
    if isBounded {
      addClamp(
        result, low: rescale.low, high: rescale.high, outside: -128...127, to: operation.output,
        name: output.name)
    } else {
      rest?(&self)
    }
  }

  /// Weights of one that a mean may take: 16 MiB.
  private static let largestOnes = 1 << 24

  private mutating func addMeanConvolution(
    _ operation: IntegerOperation, area: Int, activation: TFLite.Activation, target: Int
  ) {
    let input = program.tensors[operation.inputs[0]]
    let channels = input.channels
    let scale = 1 / Float(area)
    let weights = file.add(
      TFLiteFile.Tensor(
        name: operation.name + "/weights", shape: [1, input.height, input.width, channels],
        type: .int8, scales: [scale], zeroPoints: [0], axis: 3),
      content: [UInt8](repeating: 1, count: area * channels))
    let bias = file.add(
      TFLiteFile.Tensor(
        name: operation.name + "/bias", shape: [channels], type: .int32,
        scales: [input.scale * scale], zeroPoints: [0]),
      content: [UInt8](repeating: 0, count: 4 * channels))
    typealias Options = TFLite.Options.DepthwiseConvolution
    append(
      .depthwiseConv2D, version: 3, [image(operation.inputs[0]), weights, bias], target,
      options: (
        TFLite.OptionsType.depthwiseConvolution,
        [
          (Options.padding, .int8(TFLite.Padding.valid.rawValue)),
          (Options.strideWidth, .int32(1)), (Options.strideHeight, .int32(1)),
          (Options.depthMultiplier, .int32(1)), (Options.activation, .int8(activation.rawValue)),
          (Options.dilationWidth, .int32(1)), (Options.dilationHeight, .int32(1)),
        ]
      ))
  }

  // MARK: Requantization

  /// QUANTIZE rounds twice; a requantization to fewer bits rounds once. An addition of zero, which has
  /// twenty more bits before its last rounding, gives what one rounding gives wherever that is tried
  /// and found so.
  mutating func addRequantization(
    _ operation: IntegerOperation, _ rescale: IntegerOperation.Rescale
  ) throws(ExportError) {
    let input = program.tensors[operation.inputs[0]]
    let output = program.tensors[operation.output]
    let values = Self.sums(of: 1, on: input)
    let isNarrowing = output.bits < input.bits
    let mode =
      isNarrowing
      ? DeploymentProfile.litertReference.narrowingMode
      : DeploymentProfile.litertReference.mode(isFullyConnected: false)
    let scale = OutputScale(
      multiplier: rescale.multiplier, shift: rescale.shift, ratioBits: rescale.ratio.bitPattern)
    func own(_ value: Int) -> Int { Int(scale.apply(to: Int32(value), rounding: mode)) }
    let ratio = Double(input.scale) / Double(output.scale)
    let plain =
      Scaled(ratio).map { plain in
        values.count { Int(plain.apply(to: Int32($0))) != own($0) }
      } ?? values.count
    let sum = SumScales(
      Double(input.scale), Double(input.scale), output: Double(output.scale))
    let added =
      sum.map { sum in
        values.count { Int(sum.apply(first: Int32($0))) != own($0) }
      } ?? values.count
    let target = places[operation.output]
    // What the operator itself leaves outside the bounds, after it has limited values to int8.
    let results = values.map { min(max(own($0) + output.zeroPoint, -128), 127) }
    let reached = (results.min() ?? 0)...(results.max() ?? 0)
    let isBounded =
      reached.lowerBound < Int(rescale.low) || reached.upperBound > Int(rescale.high)
    let result = isBounded ? temporary(like: operation.output, suffix: "/unbounded") : target
    let source = image(operation.inputs[0])
    if plain <= added {
      append(.quantize, version: 2, [source], result, options: (TFLite.OptionsType.quantize, []))
      if plain > 0 { note(operation, .rounding(differing: plain, of: values.count)) }
    } else {
      var zero = description(of: operation.inputs[0])
      zero.name = operation.name + "/zero"
      zero.shape = [1]
      let constant = file.add(zero, content: [UInt8(bitPattern: Int8(input.zeroPoint))])
      append(
        .add, version: 2, [source, constant], result,
        options: (
          TFLite.OptionsType.add,
          [
            (
              TFLite.Options.Arithmetic.activation,
              .int8(TFLite.Activation.none.rawValue)
            )
          ]
        ))
      note(operation, .rewritten(as: "ADD of zero"))
      if added > 0 { note(operation, .rounding(differing: added, of: values.count)) }
    }
    if isBounded {
      addClamp(
        result, low: rescale.low, high: rescale.high, outside: reached, to: operation.output,
        name: output.name)
    }
  }

  // MARK: All accumulators

  /// Every sum of `count` values of a grid, zero points taken off.
  private static func sums(of count: Int, on grid: IntegerTensor) -> ClosedRange<Int> {
    let low = grid.bits == 8 ? -128 : -8
    let high = grid.bits == 8 ? 127 : 7
    return count * (low - grid.zeroPoint)...count * (high - grid.zeroPoint)
  }

  /// Of sums of more elements than images of 256 × 256 have, only so many are tried, evenly spread.
  private static let mostTried = 1 << 24

  private static func differing(_ one: Scaled, _ other: Scaled, _ sums: ClosedRange<Int>) -> Int {
    stride(
      from: sums.lowerBound, through: sums.upperBound, by: max(sums.count / mostTried, 1)
    ).count { one.apply(to: Int32(clamping: $0)) != other.apply(to: Int32(clamping: $0)) }
  }
}

/// A ratio as LiteRT's reference kernels apply it outside fully connected layers.
private struct Scaled {
  var multiplier: Int32
  var shift: Int32

  init(_ multiplier: Int32, _ shift: Int32) {
    (self.multiplier, self.shift) = (multiplier, shift)
  }

  init?(_ ratio: Double) {
    guard let multiplier = Multiplier(ratio) else { return nil }
    self.init(multiplier.value, multiplier.shift)
  }

  /// The multiplier of a ratio, divided by a number of elements in integers.
  init?(dividing ratio: Double, by count: Int) {
    guard let whole = Multiplier(ratio) else { return nil }
    var bits = Int32(63 - Int64(count).leadingZeroBitCount)
    bits = min(bits, 32, 31 + whole.shift)
    guard bits >= 0 else { return nil }
    let divided = (Int64(whole.value) << Int64(bits)) / Int64(count)
    self.init(Int32(truncatingIfNeeded: divided), whole.shift - bits)
  }

  func apply(to value: Int32) -> Int32 {
    multiplyDoubleRounding(value, multiplier: multiplier, shift: shift)
  }
}

/// The scales of an addition as TensorFlow Lite derives them.
private struct SumScales {
  var multipliers: [Int32]
  var shifts: [Int32]
  var outputMultiplier: Int32
  var outputShift: Int32

  init?(_ first: Double, _ second: Double, output: Double) {
    let common = 2 * max(first, second)
    guard let one = Multiplier(first / common), let two = Multiplier(second / common),
      let last = Multiplier(common / (0x1p20 * output)), last.shift <= 0
    else { return nil }
    multipliers = [one.value, two.value]
    shifts = [one.shift, two.shift]
    (outputMultiplier, outputShift) = (last.value, last.shift)
  }

  /// The sum of a value and nothing.
  func apply(first value: Int32) -> Int32 {
    let scaled = multiplyDoubleRounding(
      value << 20, multiplier: multipliers[0], shift: shifts[0])
    return multiplyDoubleRounding(scaled, multiplier: outputMultiplier, shift: outputShift)
  }
}
