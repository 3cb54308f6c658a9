import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter
import CupelSupport

/// Programs whose accumulators, multipliers and shifts reach as far as the format allows.
enum ExtremeScales {
  private static let tensorScales: [Float] = [1, 0.0123, 3.7, 0x1p-20, 0x1.8p20]

  /// A fully connected layer of a few inputs to many channels, each with an accumulator of its own
  /// size: its bias, and what little the inputs add.
  static func program(round: Int, using generator: inout SeededGenerator) -> IntegerProgram {
    let inputs = 3
    let inputScale = tensorScales.randomElement(using: &generator)!
    let outputScale = tensorScales.randomElement(using: &generator)!
    let channels = Int.random(in: 60...100, using: &generator)
    let bits = round % 2 == 0 ? 8 : 4
    let limit: Int8 = bits == 8 ? 127 : 7
    let weights = (0..<inputs * channels).map { _ in
      Int8.random(in: -limit...limit, using: &generator)
    }
    var bias: [Int32] = []
    var scales: [ChannelScale] = []
    for channel in 0..<channels {
      let shift = Int32.random(in: -31...30, using: &generator)
      let own = weights[channel * inputs..<(channel + 1) * inputs]
      let sum = own.reduce(0) { $0 + Int64($1.magnitude) } * 255
      let most = ((1 << 31) >> Int64(max(shift, 0))) - 1 - sum
      // Where the shift leaves no room, a smaller one.
      guard most >= 0 else {
        bias.append(Int32.random(in: -100...100, using: &generator))
        scales.append(tieScale(using: &generator))
        continue
      }
      bias.append(drawnBias(most: most, using: &generator))
      scales.append(drawnScale(shift: shift, using: &generator))
    }
    for channel in 0..<channels { scales[channel].weightScale *= outputScale / inputScale }
    let output = IntegerTensor(
      name: "out", height: 1, width: 1, channels: channels, bits: 8,
      zeroPoint: [-128, 0, 127, 3].randomElement(using: &generator)!, scale: outputScale)
    return single(
      input: IntegerTensor(
        name: "in", height: 1, width: 1, channels: inputs, bits: 8,
        zeroPoint: [-128, 0, 127].randomElement(using: &generator)!, scale: inputScale),
      output: output,
      .fullyConnected(
        .init(
          .init(
            bits: bits, weights: weights, bias: bias, scales: scales,
            rounding: RoundingMode.scalings[round % 4],
            low: [-128, -1, 0].randomElement(using: &generator)!,
            high: [127, 1].randomElement(
              using: &generator)!))))
  }

  private static func drawnBias(most: Int64, using generator: inout SeededGenerator) -> Int32 {
    let size = most >> Int64.random(in: 0...31, using: &generator)
    let value =
      Bool.random(using: &generator) ? size : Int64.random(in: 0...size, using: &generator)
    return Int32(Bool.random(using: &generator) ? value : -value)
  }

  private static func drawnScale(
    shift: Int32, using generator: inout SeededGenerator
  ) -> ChannelScale {
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: return tieScale(using: &generator)
    case 1:
      // No ratio in the integer modes, and a tiny or subnormal one in float32.
      let ratio = [0, Float.leastNonzeroMagnitude, -0x1p-140, 0x1p-40, 0x1.fp-32, -0.0]
        .randomElement(using: &generator)!
      return .init(weightScale: ratio, multiplier: 0, shift: shift)
    default:
      let sizes: [Int32] = [
        1 << 30, Int32.max, Int32.random(in: 1 << 30...Int32.max, using: &generator),
      ]
      let multiplier =
        sizes.randomElement(using: &generator)! * (Bool.random(using: &generator) ? 1 : -1)
      let ratio = Float(
        Double(multiplier) * Double(sign: .plus, exponent: Int(shift) - 31, significand: 1))
      return .init(weightScale: ratio, multiplier: multiplier, shift: shift)
    }
  }

  /// Powers of two, which leave exact ties.
  private static func tieScale(
    using generator: inout SeededGenerator
  ) -> ChannelScale {
    let shift = Int32.random(in: -12...0, using: &generator)
    let ratio = Float(sign: .plus, exponent: Int(shift) - 1, significand: 1)
    return .init(weightScale: ratio, multiplier: 1 << 30, shift: shift)
  }

  /// An addition, a requantization or a mean.
  static func elementwise(round: Int, using generator: inout SeededGenerator) -> IntegerProgram {
    let extents = (
      Int.random(in: 1...5, using: &generator), Int.random(in: 1...9, using: &generator),
      Int.random(in: 1...70, using: &generator)
    )
    func tensor(_ name: String, _ zero: Int) -> IntegerTensor {
      IntegerTensor(
        name: name, height: extents.0, width: extents.1, channels: extents.2, bits: 8,
        zeroPoint: zero, scale: 1)
    }
    func zero() -> Int { [-128, 127, 0, 5].randomElement(using: &generator)! }
    let scale = drawnScale(
      shift: Int32.random(in: round % 3 == 0 ? -31 ... -1 : -8...8, using: &generator),
      using: &generator)
    let rescale = IntegerOperation.Rescale(
      ratio: scale.weightScale, multiplier: scale.multiplier, shift: scale.shift,
      rounding: RoundingMode.scalings[round / 3 % 3], low: -128, high: 127)
    switch round % 3 {
    case 0: return addition(tensor, zeros: (zero(), zero()), using: &generator)
    case 1:
      return single(
        input: tensor("in", zero()), output: tensor("out", zero()), .requantize(.init(rescale)))
    default:
      var output = tensor("out", zero())
      output.height = 1
      output.width = 1
      return single(input: tensor("in", zero()), output: output, .mean(.init(rescale)))
    }
  }

  /// x + clamp(x), on grids that need not be those of any real network.
  private static func addition(
    _ tensor: (String, Int) -> IntegerTensor, zeros: (Int, Int),
    using generator: inout SeededGenerator
  ) -> IntegerProgram {
    func multiplier() -> Int32 {
      [1 << 30, Int32.max, 0, Int32.random(in: 1 << 30...Int32.max, using: &generator)]
        .randomElement(using: &generator)!
    }
    // Either steps of the common grid as fine as can be, or so coarse that the result shows each.
    let isCoarse = Bool.random(using: &generator)
    func shift() -> Int32 {
      isCoarse
        ? Int32.random(in: -23 ... -17, using: &generator)
        : [0, -31, Int32.random(in: -4...0, using: &generator)].randomElement(using: &generator)!
    }
    let outputShift = Int32.random(in: isCoarse ? -3...0 : -31...0, using: &generator)
    var program = IntegerProgram()
    program.tensors = [
      tensor("in", zeros.0), tensor("clamped", zeros.0), tensor("sum", zeros.1),
    ]
    program.operations = [
      IntegerOperation(
        name: "clamp", kind: .clamp(.init(low: -100, high: 90)), inputs: [0], output: 1),
      IntegerOperation(
        name: "add",
        kind: .add(
          .init(
            .init(
              multipliers: [multiplier(), multiplier()], shifts: [shift(), shift()],
              outputMultiplier: multiplier(), outputShift: outputShift, low: -128, high: 127))),
        inputs: [0, 1], output: 2),
    ]
    program.output = 2
    return program
  }

  /// Accumulators whose product with the ratio lies half a unit of float32's last place below a
  /// half: the product rounds up to the half, and that to an even integer. Each rounding of the
  /// float32 mode shows. And accumulators of 25 digits just below such a half, which their
  /// conversion rounds up to it.
  static func float32Ties() -> IntegerProgram {
    var bias: [Int32] = []
    var scales: [ChannelScale] = []
    for factor in stride(from: Int64(129), to: 256, by: 2) {
      for half in stride(from: Int64(1), to: 250, by: 2) {
        // A product of bits + 8 binary digits, the last 8 of which are rounded off.
        let digits = 24 - (64 - half.leadingZeroBitCount)
        let product = (half << Int64(digits + 8)) - 128
        guard product % factor == 0 else { continue }
        let sum = product / factor
        guard sum < 1 << 30 else { continue }
        for sign in [1, -1] as [Int32] {
          bias.append(sign * Int32(sum))
          scales.append(
            channelScale(Float(factor) * Float(sign: .plus, exponent: -digits - 9, significand: 1)))
        }
      }
    }
    for half in stride(from: 1, to: 250, by: 2) {
      let digits = 25 - (Int.bitWidth - half.leadingZeroBitCount)
      bias.append(Int32(half << digits) - 1)
      scales.append(channelScale(Float(sign: .plus, exponent: -digits - 1, significand: 1)))
    }
    let input = IntegerTensor(
      name: "in", height: 1, width: 1, channels: 1, bits: 8, zeroPoint: 0, scale: 1)
    var output = input
    output.name = "out"
    output.channels = bias.count
    return single(
      input: input, output: output,
      .fullyConnected(
        .init(
          .init(
            bits: 8, weights: Array(repeating: 0, count: bias.count), bias: bias, scales: scales,
            rounding: .float32HalfEven, low: -128, high: 127))))
  }

  private static func single(
    input: IntegerTensor, output: IntegerTensor, _ kind: IntegerOperation.Kind
  ) -> IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [input, output]
    program.operations = [IntegerOperation(name: "layer", kind: kind, inputs: [0], output: 1)]
    program.output = 1
    return program
  }
}
