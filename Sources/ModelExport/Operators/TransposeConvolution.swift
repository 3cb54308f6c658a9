import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

/// What the windows of an axis, a stride apart, leave of an output of their own making.
private struct Outcome {
  let axis: WindowAxis
  /// Windows, and elements of the output.
  let input, output: Int

  /// Elements that the windows touch, from the first one's first to the last one's last.
  private var full: Int { (input - 1) * axis.stride + axis.reach }
  /// Of them, those cut off behind the output.
  var after: Int { max(full - axis.before - output, 0) }
  /// Elements of the output behind all of them.
  var rest: Int { max(axis.before + output - full, 0) }
  /// The output before anything is cut off in front of it.
  var whole: Int { max(full, axis.before + output) }
  var isWhole: Bool { whole == output }
  /// Whether windows side by side leave elements between them.
  var hasGaps: Bool { axis.stride > axis.reach }
  var isSame: Bool { axis.isSame(over: output, outputs: input) }
}

extension TransposeConvolution where Storage == InMemory {
  private func outcomes(_ exporter: some Exporter) -> (rows: Outcome, columns: Outcome) {
    let (from, to) = (exporter.input, exporter.output)
    // It slides over the output.
    let padded = PaddedWindow(window, input: to, output: from)
    return (
      Outcome(axis: padded.rows, input: from.height, output: to.height),
      Outcome(axis: padded.columns, input: from.width, output: to.width)
    )
  }

  /// Weights that a layer of one group may take: 256 MiB.
  private static var mostWeights: Double { 0x1p28 }

  /// The layer in one group, with zeros for the weights between groups and, where it is to have no
  /// dilation, between taps: weights of zero change no sum.
  private func dense(
    _ exporter: some Exporter, withoutDilation: Bool
  ) throws(ExportError) -> Self {
    let (inputs, outputs) = (exporter.input.channels, exporter.output.channels)
    let (down, across) = withoutDilation ? (window.dilationHeight, window.dilationWidth) : (1, 1)
    var result = self
    result.groups = 1
    result.window.kernelHeight = (window.kernelHeight - 1) * down + 1
    result.window.kernelWidth = (window.kernelWidth - 1) * across + 1
    if withoutDilation { (result.window.dilationHeight, result.window.dilationWidth) = (1, 1) }
    let count = [result.window.kernelHeight, result.window.kernelWidth, inputs, outputs]
      .reduce(1) { $0 * Double($1) }
    guard count <= Self.mostWeights else {
      throw exporter.failure(
        "with zeros for its \(groups) groups and its dilation it would have \(count) weights, "
          + "more than \(Self.mostWeights)")
    }
    let depth = inputs / groups
    var values = [Int8](repeating: 0, count: Int(count))
    var source = 0
    for output in 0..<outputs {
      let first = output / (outputs / groups) * depth
      for row in 0..<window.kernelHeight {
        for column in 0..<window.kernelWidth {
          let tap = row * down * result.window.kernelWidth + column * across
          let place = (output * result.window.taps + tap) * inputs + first
          for channel in 0..<depth { values[place + channel] = weights.weights[source + channel] }
          source += depth
        }
      }
    }
    result.weights.weights = values
    return result
  }
}

extension TransposeConvolution: TFLiteExportable where Storage == InMemory {
  /// The file knows two paddings; for any other the whole output is written, and sliced. It has no
  /// groups, dilations or int4 weights. Bounds are operators of their own, since TensorFlow Lite
  /// Micro ignores a fused activation here.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    var layer = self
    if groups > 1 || window.dilationHeight > 1 || window.dilationWidth > 1 {
      layer = try dense(exporter, withoutDilation: true)
      exporter.note(.rewritten(as: "a layer with zeros for its groups and dilation"))
    }
    layer.weights.bits = 8
    let output = exporter.output
    let (rows, columns) = outcomes(exporter)
    // XNNPACK leaves padding SAME to LiteRT's own kernel where windows side by side have gaps.
    let hasGaps = rows.hasGaps || columns.hasGaps
    let isSame = rows.isSame && columns.isSame && !hasGaps
    let isSliced = !isSame && !(rows.isWhole && columns.isWhole)
    let extent = isSliced ? [rows.whole, columns.whole] : [output.height, output.width]
    let shape = [1] + extent + [output.channels]
    let constants = try exporter.addConstants(
      layer,
      shape: [
        output.channels, layer.window.kernelHeight, layer.window.kernelWidth,
        exporter.input.channels,
      ], axis: 0)
    let source = exporter.image()
    let isBounded = Int(weights.low)...Int(weights.high) != exporter.typeLimits
    let bounded = isBounded ? exporter.temporary("/unbounded") : exporter.target
    let target = isSliced ? exporter.temporary("/whole", shape: shape) : bounded
    exporter.append(
      .transposeConv, version: 3,
      [exporter.file.add(shape, name: "shape"), constants.weights, source, constants.bias], target,
      window.options(isSame ? .same : .valid)
        + constants.option(TFLite.Options.TransposeConvolution.biasType))
    if isSliced {
      let begin = [window.padTop, window.padLeft, 0]
      CupelIntegerOperators.Slice.write(
        target, to: bounded, begin: begin, ends: zip(begin, output.extent).map(+),
        steps: [1, 1, 1], &exporter)
    }
    if isBounded { exporter.limit(bounded, within: weights) }
  }
}

extension TransposeConvolution: OnnxExportable where Storage == InMemory {
  /// Weights are [I][O / groups][taps] there. A DequantizeLinear has scales along one axis, and
  /// groups share the axis of the output channels: those with scales of their own become one group.
  func write(to exporter: inout OnnxExporter) throws(ExportError) {
    var layer = self
    if groups > 1, Set(weights.scales.map(\.weightScale)).count > 1 {
      layer = try dense(exporter, withoutDilation: false)
      exporter.note(.rewritten(as: "a layer with zeros for its groups"))
    }
    exporter.note(
      .inexact(because: "ONNX Runtime computes transposed convolutions in float32"))
    let (rows, columns) = outcomes(exporter)
    let inputs = exporter.input.channels
    let perGroup = exporter.output.channels / layer.groups
    let source = exporter.image()
    let constants = exporter.addConstants(
      layer, shape: [inputs, perGroup, window.kernelHeight, window.kernelWidth],
      order: Transposition(rows: perGroup * window.taps, columns: inputs / layer.groups), axis: 1)
    exporter.add(
      "ConvTranspose", [source] + constants, as: "sum", within: weights,
      [
        .integers("kernel_shape", [window.kernelHeight, window.kernelWidth]),
        .integers("strides", [window.strideHeight, window.strideWidth]),
        .integers("pads", [window.padTop, window.padLeft, rows.after, columns.after]),
        .integers("output_padding", [rows.rest, columns.rest]),
        .integers("dilations", [window.dilationHeight, window.dilationWidth]),
        .integer("group", layer.groups),
      ])
  }
}
