import CupelIntegerOperators
import CupelModelFormat
import CupelModelWriter
import Testing

/// (Σ|w| · max|x − z| + |bias|) · 2^max(shift, 0) < 2³¹, at its very edge.
@Suite struct OverflowProofTests {
  private struct Channel {
    var weights: [Int8]
    var bits = 8
    var bias: Int
    var shift = 0
    var zeroPoint = 0
    var inputBits = 8
  }

  /// The channel stands second, behind one that is harmless.
  private func error(_ channel: Channel, depthwise: Bool = false) -> WriterError? {
    let count = channel.weights.count
    let harmless = [Int8](repeating: 0, count: count)
    let weighted = IntegerOperation.Weighted(
      bits: channel.bits,
      weights: depthwise
        ? zip(harmless, channel.weights).flatMap { [$0, $1] } : harmless + channel.weights,
      bias: [0, Int32(channel.bias)],
      scales: Array(
        repeating: .init(
          weightScale: Float(sign: .plus, exponent: channel.shift - 1, significand: 1),
          multiplier: 1 << 30, shift: Int32(channel.shift)), count: 2),
      rounding: .float32HalfEven, low: -128, high: 127)
    var program = IntegerProgram()
    func tensor(_ height: Int, _ channels: Int, bits: Int, zeroPoint: Int) -> IntegerTensor {
      IntegerTensor(
        name: "t", height: height, width: 1, channels: channels, bits: bits,
        zeroPoint: zeroPoint, scale: 1)
    }
    // The network's input has 8 bits, so a narrow input is made by a requantization.
    let height = depthwise ? count : 1
    let channels = depthwise ? 2 : count
    program.tensors = [
      tensor(height, channels, bits: 8, zeroPoint: 0),
      tensor(height, channels, bits: channel.inputBits, zeroPoint: channel.zeroPoint),
      tensor(1, 2, bits: 8, zeroPoint: 0),
    ]
    let limit: Int16 = channel.inputBits == 8 ? 127 : 7
    program.operations = [
      IntegerOperation(
        name: "copy",
        kind: .requantize(
          .init(
            .init(
              ratio: 0.5, multiplier: 1 << 30, shift: 0, rounding: .singleRounding,
              low: -limit - 1, high: limit))), inputs: [0], output: 1),
      IntegerOperation(
        name: "layer",
        kind: depthwise
          ? .depthwiseConvolution(.init(.init(kernelHeight: count, kernelWidth: 1), weighted))
          : .fullyConnected(.init(weighted)), inputs: [1], output: 2),
    ]
    program.output = 2
    do throws(WriterError) {
      _ = try CupelWriter.bytes(of: program)
      return nil
    } catch { return error }
  }

  private let refusal = WriterError.operation(
    1, name: "layer",
    "the accumulator must be proved to stay below 2^31, or 2^47 where it has 64 bits")

  /// Each with the magnitude that the inputs can give, worked out by hand.
  @Test(arguments: [
    (weights: [Int8(1)], bits: 8, shift: 0, zeroPoint: 0, inputBits: 8, sum: 128),
    ([-128, 127, -3], 8, 0, 0, 8, 258 * 128),
    ([-128, 127, -3], 8, 0, -128, 8, 258 * 255),
    ([-128, 127, -3], 8, 0, 127, 8, 258 * 255),
    ([5, 5], 8, 3, 27, 8, 10 * 155),
    ([5, 5], 8, 30, 0, 4, 80),
    ([-8, 7, 1], 4, 0, 7, 4, 16 * 15),
    ([-8, 7, 1], 4, -5, -8, 4, 16 * 15),
    ([-8], 4, 1, 0, 8, 1024),
  ])
  func edge(
    weights: [Int8], bits: Int, shift: Int, zeroPoint: Int, inputBits: Int, sum: Int
  ) {
    let room = ((1 << 31) - 1) >> max(shift, 0) - sum
    for sign in [1, -1] {
      for depthwise in [false, true] {
        var channel = Channel(
          weights: weights, bits: bits, bias: sign * room, shift: shift, zeroPoint: zeroPoint,
          inputBits: inputBits)
        if room >= 0 {
          #expect(error(channel, depthwise: depthwise) == nil)
          channel.bias += sign
        } else {
          channel.bias = 0
        }
        #expect(error(channel, depthwise: depthwise) == refusal)
      }
    }
  }
}
