import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

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
  var isSame: Bool { axis.isSame(over: output, outputs: input) }
}

extension TransposeConvolution where Storage == InMemory {
  private func outcomes(
    _ operation: IntegerOperation, _ program: IntegerProgram
  ) -> (rows: Outcome, columns: Outcome) {
    let (from, to) = (program.tensors[operation.inputs[0]], program.tensors[operation.output])
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
    _ operation: IntegerOperation, _ program: IntegerProgram, withoutDilation: Bool
  ) throws(ExportError) -> Self {
    let inputs = program.tensors[operation.inputs[0]].channels
    let outputs = program.tensors[operation.output].channels
    let (down, across) =
      withoutDilation ? (window.dilationHeight, window.dilationWidth) : (1, 1)
    var result = self
    result.groups = 1
    result.window.kernelHeight = (window.kernelHeight - 1) * down + 1
    result.window.kernelWidth = (window.kernelWidth - 1) * across + 1
    if withoutDilation { (result.window.dilationHeight, result.window.dilationWidth) = (1, 1) }
    let count = [result.window.kernelHeight, result.window.kernelWidth, inputs, outputs]
      .reduce(1) { $0 * Double($1) }
    guard count <= Self.mostWeights else {
      throw .operation(
        name: operation.name,
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
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    var layer = self
    if groups > 1 || window.dilationHeight > 1 || window.dilationWidth > 1 {
      layer = try dense(operation, exporter.program, withoutDilation: true)
      exporter.note(
        operation, .rewritten(as: "a layer with zeros for its groups and dilation"))
    }
    layer.weights.bits = 8
    let (rows, columns) = outcomes(operation, exporter.program)
    let output = exporter.program.tensors[operation.output]
    let isSame = rows.isSame && columns.isSame
    let isSliced = !isSame && !(rows.isWhole && columns.isWhole)
    let extent =
      isSliced
      ? [1, rows.whole, columns.whole, output.channels]
      : [1, output.height, output.width, output.channels]
    let constants = try exporter.addConstants(
      operation, layer,
      shape: [
        output.channels, layer.window.kernelHeight, layer.window.kernelWidth,
        exporter.program.tensors[operation.inputs[0]].channels,
      ], axis: 0)
    let source = exporter.image(operation.inputs[0])
    let isBounded = (weights.low, weights.high) != (-128, 127)
    let bounded =
      isBounded
      ? exporter.temporary(like: operation.output, suffix: "/unbounded")
      : exporter.places[operation.output]
    let target =
      isSliced
      ? exporter.temporary(like: operation.output, suffix: "/whole", shape: extent) : bounded
    typealias Options = TFLite.Options.TransposeConvolution
    exporter.append(
      TFLiteRow(.transposeConv, version: 3, options: TFLite.OptionsType.transposeConvolution),
      [exporter.file.add(extent, name: "shape"), constants.weights, source, constants.bias],
      target,
      [
        (Options.padding, .int8((isSame ? TFLite.Padding.same : .valid).rawValue)),
        (Options.strideWidth, .int32(Int32(window.strideWidth))),
        (Options.strideHeight, .int32(Int32(window.strideHeight))),
      ])
    if isSliced {
      let begin = [window.padTop, window.padLeft, 0]
      let ends = [window.padTop + output.height, window.padLeft + output.width, output.channels]
      IntegerOperators.Slice.write(
        target, to: bounded, begin: begin, ends: ends, steps: [1, 1, 1], &exporter)
    }
    if isBounded {
      exporter.limit(bounded, low: weights.low, high: weights.high, to: operation.output)
    }
  }
}

extension TransposeConvolution: OnnxExportable where Storage == InMemory {
  /// Weights are [I][O / groups][taps] there. A DequantizeLinear has scales along one axis, and
  /// groups share the axis of the output channels: those with scales of their own become one group.
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) throws(ExportError) {
    var layer = self
    if groups > 1, Set(weights.scales.map(\.weightScale)).count > 1 {
      layer = try dense(operation, exporter.program, withoutDilation: false)
      exporter.note(operation, .rewritten(as: "a layer with zeros for its groups"))
    }
    let (rows, columns) = outcomes(operation, exporter.program)
    let inputs = exporter.program.tensors[operation.inputs[0]].channels
    let perGroup = exporter.program.tensors[operation.output].channels / layer.groups
    let source = exporter.image(operation.inputs[0])
    let constants = exporter.addConstants(
      operation, layer, shape: [inputs, perGroup, window.kernelHeight, window.kernelWidth],
      order: Transposition(rows: perGroup * window.taps, columns: inputs / layer.groups), axis: 1)
    let result = exporter.intermediate(operation.output, "sum")
    exporter.node(
      "ConvTranspose", [source] + constants, result, name: operation.name,
      [
        .integers("kernel_shape", [window.kernelHeight, window.kernelWidth]),
        .integers("strides", [window.strideHeight, window.strideWidth]),
        .integers("pads", [window.padTop, window.padLeft, rows.after, columns.after]),
        .integers("output_padding", [rows.rest, columns.rest]),
        .integers("dilations", [window.dilationHeight, window.dilationWidth]),
        .integer("group", layer.groups),
      ])
    exporter.finish(result, low: weights.low, high: weights.high, to: operation.output)
  }
}
