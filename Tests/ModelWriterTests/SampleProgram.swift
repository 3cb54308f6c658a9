import FixedPoint
import ModelWriter

/// A program written by hand with every kind of operation, both weight widths, no square extents.
enum Sample {
  /// Indices of the operations below.
  static let convolution4 = 0, requantize = 1, grouped = 2, add = 3, depthwise = 4, maxPool = 5
  static let averagePool = 6, clamp = 7, pad = 8, slice = 9, concatenate = 10, mean = 11
  static let fullyConnected = 12

  static var program: IntegerProgram {
    var program = IntegerProgram()
    program.tensors = tensors
    program.operations = operations
    program.input = 0
    program.output = 13
    program.metadata = ["tool": "cupel", "scheme": "w4a8", "note": "größer\tals"]
    return program
  }

  private static func tensor(
    _ name: String, _ height: Int, _ width: Int, _ channels: Int, bits: Int = 8,
    zeroPoint: Int = 3, scale: Float = 0.25
  ) -> IntegerTensor {
    IntegerTensor(
      name: name, height: height, width: width, channels: channels, bits: bits,
      zeroPoint: zeroPoint, scale: scale)
  }

  private static let tensors = [
    tensor("input", 6, 5, 3, zeroPoint: -1), tensor("stem", 6, 5, 4),
    tensor("narrow", 6, 5, 4, bits: 4, zeroPoint: -8), tensor("branch", 6, 5, 4),
    tensor("sum", 6, 5, 4, zeroPoint: 7), tensor("depthwise", 6, 5, 4),
    tensor("max", 3, 2, 4), tensor("average", 3, 2, 4), tensor("clamped", 3, 2, 4),
    tensor("padded", 5, 4, 6), tensor("sliced", 2, 4, 5), tensor("joined", 4, 4, 5),
    tensor("mean", 1, 1, 5), tensor("logits", 1, 1, 3),
  ]

  private static let operations = [
    operation(
      "stem", .convolution(window(3, pad: 1), groups: 1, weighted(4, rows: 4, row: 27, out: 4)),
      [0], 1),
    operation("narrow", .requantize(rescale(0.5, low: -8, high: 7)), [1], 2),
    operation(
      "branch", .convolution(window(1), groups: 2, weighted(8, rows: 4, row: 2, out: 4)), [2], 3),
    operation("sum", .add(addition), [1, 3], 4),
    operation(
      "depthwise", .depthwiseConvolution(window(3, pad: 1), weighted(8, rows: 9, row: 4, out: 4)),
      [4], 5),
    operation("max", .maxPool(window(2, stride: 2)), [5], 6),
    operation("average", .averagePool(window(3, pad: 1)), [6], 7),
    operation("clamp", .clamp(low: -100, high: 100), [7], 8),
    operation("pad", .pad(.init(top: 1, left: 1, front: 1), value: 3), [8], 9),
    operation("slice", .slice(.init(start: [1, 0, 1], step: [2, 1, 1])), [9], 10),
    operation("concatenate", .concatenate(axis: 0), [10, 10], 11),
    operation("mean", .mean(rescale(0.0625, low: -128, high: 127)), [11], 12),
    operation("logits", .fullyConnected(weighted(8, rows: 3, row: 5, out: 3)), [12], 13),
  ]

  private static func operation(
    _ name: String, _ kind: IntegerOperation.Kind, _ inputs: [Int], _ output: Int
  ) -> IntegerOperation {
    IntegerOperation(name: name, kind: kind, inputs: inputs, output: output)
  }

  static func window(_ kernel: Int, stride: Int = 1, pad: Int = 0) -> IntegerOperation.Window {
    .init(
      kernelHeight: kernel, kernelWidth: kernel, strideHeight: stride, strideWidth: stride,
      padTop: pad, padLeft: pad)
  }

  /// A power of two in Q31: 2^30 · 2^(exponent + 1 − 31).
  private static func rescale(
    _ ratio: Float, low: Int8, high: Int8
  ) -> IntegerOperation.Rescale {
    .init(
      ratio: ratio, multiplier: 1 << 30, shift: Int32(ratio.exponent) + 1,
      rounding: .singleRounding, low: low, high: high)
  }

  private static let addition = IntegerOperation.Add(
    multipliers: [1 << 30, 1_500_000_000], shifts: [0, -1], outputMultiplier: 1 << 30,
    outputShift: -18, low: -128, high: 127)

  private static func weighted(
    _ bits: Int, rows: Int, row: Int, out: Int
  ) -> IntegerOperation.Weighted {
    let span = bits == 8 ? 255 : 15
    return .init(
      bits: bits, weights: (0..<rows * row).map { Int8($0 * 37 % span - span / 2) },
      bias: (0..<out).map { Int32($0 * 100 - 150) },
      scales: (0..<out).map {
        .init(
          weightScale: $0 == 1 ? -0x1p-9 : 0x1p-9,
          multiplier: $0 == 1 ? -(1 << 30) : 1 << 30, shift: -8)
      },
      rounding: .doubleRounding, low: -128, high: 127)
  }
}
