import CupelFixedPoint
import CupelIntegerOperators
import CupelModelWriter

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

  /// Every kind that came with minor version 1, in the order of their operations: constant,
  /// subtract, multiply, transpose, reshape, broadcast, lookup to 4 bits and softmax.
  static var kinds: IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [
      tensor("input", 2, 3, 4, zeroPoint: -1), tensor("constant", 2, 3, 4),
      tensor("difference", 2, 3, 4, zeroPoint: 7), tensor("product", 2, 3, 4, zeroPoint: 0),
      tensor("turned", 4, 2, 3, zeroPoint: 0), tensor("row", 1, 24, 1, zeroPoint: 0),
      tensor("rows", 2, 24, 5, zeroPoint: 0), tensor("narrow", 2, 24, 5, bits: 4, zeroPoint: 1),
      tensor("shares", 2, 24, 5, zeroPoint: -128, scale: 1 / 256),
    ]
    program.operations = [
      operation("constant", .constant(.init((0..<24).map { Int8($0 * 10 - 120) })), [], 1),
      operation("difference", .subtract(.init(addition)), [0, 1], 2),
      operation("product", .multiply(.init(rescale(0.015625, low: -128, high: 127))), [1, 2], 3),
      operation("turned", .transpose(.init(axes: [2, 0, 1])), [3], 4),
      operation("row", .reshape(.init()), [4], 5), operation("rows", .broadcast(.init()), [5], 6),
      operation("narrow", .lookup(.init(table: (0..<256).map { Int8($0 % 16) - 8 })), [6], 7),
      operation("shares", .softmax(.init(multiplier: 1 << 30, leftShift: 22)), [7], 8),
    ]
    program.output = 8
    return program
  }

  /// What came with minor version 2: a table that names its function, and a transposed convolution.
  static var named: IntegerProgram {
    var program = IntegerProgram()
    // Both grids are equal, so what is not below zero stays, and a quarter of the rest is left.
    let table = (-128...127).map { (value: Int) -> Int8 in
      let quarter = (Double(value - 3) / 4).rounded(.toNearestOrAwayFromZero)
      return value >= 3 ? Int8(value) : Int8(quarter) + 3
    }
    program.tensors = [
      tensor("input", 2, 3, 2), tensor("leaky", 2, 3, 2), tensor("large", 4, 6, 3),
    ]
    let scale = ChannelScale(weightScale: 0.03125, multiplier: 1 << 30, shift: -4)
    let values: [Int8] = Array(-27..<27)
    let weights = Weights<InMemory>(
      bits: 8, weights: values, bias: [1, -2, 3], scales: [scale, scale, scale],
      rounding: .doubleRounding, low: -128, high: 127)
    let window = Window(
      kernelHeight: 3, kernelWidth: 3, strideHeight: 2, strideWidth: 2, padTop: 1, padLeft: 1)
    let quarter = TableFunction(.leakyRelu, .fixedPoint, slopeBits: Float(0.25).bitPattern)
    program.operations = [
      operation("leaky", .lookup(.init(table: table, function: quarter)), [0], 1),
      operation("large", .transposeConvolution(.init(window, groups: 1, weights)), [1], 2),
    ]
    program.output = 2
    return program
  }

  /// What came with minor version 4: a gather, a resizing, a product of matrices, and a fully connected
  /// layer of 20 rows.
  static var rows: IntegerProgram {
    var program = IntegerProgram()
    program.tensors = [
      tensor("input", 2, 3, 4), tensor("picked", 2, 2, 4), tensor("large", 4, 5, 4),
      tensor("matrices", 4, 4, 3, zeroPoint: -5), tensor("product", 4, 5, 3, zeroPoint: 0),
      tensor("features", 4, 5, 2, zeroPoint: 7),
    ]
    let scale = ChannelScale(weightScale: 0.03125, multiplier: 1 << 30, shift: -4)
    let weights = Weights<InMemory>(
      bits: 8, weights: [1, -2, 3, 40, 50, -60], bias: [1, -2], scales: [scale, scale],
      rounding: .doubleRounding, low: -128, high: 127)
    program.operations = [
      operation("picked", .gather(.init(axis: 1, indices: [2, 0])), [0], 1),
      operation(
        "large", .resizeBilinear(.init(alignsCorners: false, halfPixelCentres: true)), [1], 2),
      operation("matrices", .constant(.init((0..<48).map { Int8($0 * 5 - 120) })), [], 3),
      operation(
        "product", .batchMatMul(.init(rescale(0.015625, low: -128, high: 127))), [2, 3], 4),
      operation("features", .fullyConnected(.init(weights, rows: 20)), [4], 5),
    ]
    program.output = 5
    return program
  }

  /// What came with tensors of 16 bits: a requantization from 8, a layer with biases of 64, a sum, a
  /// function, a softmax and a pool.
  static var wide: IntegerProgram {
    var program = IntegerProgram()
    func tensor(_ name: String, _ scale: Float) -> IntegerTensor {
      IntegerTensor(
        name: name, height: 2, width: 3, channels: 4, bits: 16, zeroPoint: 0, scale: scale)
    }
    program.tensors = [
      Self.tensor("input", 2, 3, 4, zeroPoint: -1), tensor("wide", 0x1p-10),
      tensor("layer", 0x1p-10), tensor("sum", 0x1p-10), tensor("logistic", 0x1p-15),
      tensor("shares", 0x1p-15), tensor("average", 0x1p-15),
    ]
    let scale = ChannelScale(weightScale: 0x1p-20, multiplier: 1 << 30, shift: -19)
    var layer = Weights<InMemory>(
      bits: 8, weights: (0..<16).map { Int8($0 * 17 - 128) }, bias: [],
      scales: Array(repeating: scale, count: 4), rounding: .reducedMultiplier, low: .min,
      high: .max)
    layer.wideBias = [5 << 32, -7, 1 << 20, -(3 << 33)]
    let sum = IntegerOperation.Add(
      multipliers: [1 << 30, 1 << 30], shifts: [0, 0], outputMultiplier: 1 << 30,
      outputShift: -13, low: .min, high: .max)
    program.operations = [
      operation("wide", .requantize(.init(rescale(256, low: .min, high: .max))), [0], 1),
      operation("layer", .convolution(.init(window(1), groups: 1, layer)), [1], 2),
      operation("sum", .add(.init(sum)), [2, 1], 3),
      operation("logistic", .function(.init(TableFunction(.logistic, .fixedPoint))), [3], 4),
      operation("shares", .softmax(.init(multiplier: 1 << 30, leftShift: 5)), [4], 5),
      operation("average", .averagePool(.init(window(1))), [5], 6),
    ]
    program.output = 6
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

  private static let tensors: [IntegerTensor] = [
    tensor("input", 6, 5, 3, zeroPoint: -1), tensor("stem", 6, 5, 4),
    tensor("narrow", 6, 5, 4, bits: 4, zeroPoint: -8), tensor("branch", 6, 5, 4),
    tensor("sum", 6, 5, 4, zeroPoint: 7), tensor("depthwise", 6, 5, 4),
    tensor("max", 3, 2, 4), tensor("average", 3, 2, 4), tensor("clamped", 3, 2, 4),
    tensor("padded", 5, 4, 6), tensor("sliced", 2, 4, 5), tensor("joined", 4, 4, 5),
    tensor("mean", 1, 1, 5), tensor("logits", 1, 1, 3),
  ]

  private static let operations: [IntegerOperation] = [
    operation(
      "stem",
      .convolution(.init(window(3, pad: 1), groups: 1, weighted(4, rows: 4, row: 27, out: 4))),
      [0], 1),
    operation("narrow", .requantize(.init(rescale(0.5, low: -8, high: 7))), [1], 2),
    operation(
      "branch", .convolution(.init(window(1), groups: 2, weighted(8, rows: 4, row: 2, out: 4))),
      [2], 3),
    operation("sum", .add(.init(addition)), [1, 3], 4),
    operation(
      "depthwise",
      .depthwiseConvolution(.init(window(3, pad: 1), weighted(8, rows: 9, row: 4, out: 4))),
      [4], 5),
    operation("max", .maxPool(.init(window(2, stride: 2))), [5], 6),
    operation("average", .averagePool(.init(window(3, pad: 1))), [6], 7),
    operation("clamp", .clamp(.init(low: -100, high: 100)), [7], 8),
    operation("pad", .pad(.init(Axes(1, 1, 1), value: 3)), [8], 9),
    operation("slice", .slice(.init(start: [1, 0, 1], step: [2, 1, 1])), [9], 10),
    operation("concatenate", .concatenate(.init(axis: 0)), [10, 10], 11),
    operation("mean", .mean(.init(rescale(0.0625, low: -128, high: 127))), [11], 12),
    operation("logits", .fullyConnected(.init(weighted(8, rows: 3, row: 5, out: 3))), [12], 13),
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
    _ ratio: Float, low: Int16, high: Int16
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
