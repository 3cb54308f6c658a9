import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Windows and padding, pools, slices.
extension TFLiteExporter {
  /// The place of an operation's input, and the kind of padding that the window then has: TensorFlow
  /// Lite knows as much as makes the output's size the input's divided by the stride, or none; any
  /// other becomes an operator of its own.
  ///
  /// - Parameter fill: what is put around the input; nil for its zero point.
  mutating func padded(
    _ operation: IntegerOperation, _ window: IntegerOperation.Window, fill: Int8?
  ) -> (source: Int, padding: TFLite.Padding) {
    let input = operation.inputs[0]
    let from = program.tensors[input]
    let (rows, columns) = program.axes(window, of: operation)
    if rows.isUnpadded, columns.isUnpadded { return (image(input), .valid) }
    if rows.isSame, columns.isSame { return (image(input), .same) }
    let shape = [
      1, rows.before + from.height + rows.after, columns.before + from.width + columns.after,
      from.channels,
    ]
    let target = temporary(like: input, suffix: "/padded", shape: shape)
    addPad(
      image(input), to: target, onGridOf: input,
      amounts: [0, 0, rows.before, rows.after, columns.before, columns.after, 0, 0], fill: fill)
    return (target, .valid)
  }

  /// - Parameter fill: nil for the zero point, which PAD takes by itself.
  private mutating func addPad(
    _ source: Int, to target: Int, onGridOf tensor: Int, amounts: [Int], fill: Int8?
  ) {
    let list = file.add(amounts, shape: [4, 2], name: "paddings")
    guard let fill else {
      append(.pad, version: 2, [source, list], target, options: (TFLite.OptionsType.pad, []))
      return
    }
    let value = constant(fill, onGridOf: tensor, name: "padding")
    append(
      .padV2, version: 2, [source, list, value], target, options: (TFLite.OptionsType.padV2, []))
  }

  mutating func addPad(
    _ operation: IntegerOperation, _ pad: Pad
  ) {
    let from = program.tensors[operation.inputs[0]]
    let to = program.tensors[operation.output]
    let before = (0..<3).map { pad.before[$0] }
    let after = [
      to.height - from.height - pad.before.height, to.width - from.width - pad.before.width,
      to.channels - from.channels - pad.before.channels,
    ]
    addPad(
      image(operation.inputs[0]), to: places[operation.output], onGridOf: operation.output,
      amounts: [0, 0] + zip(before, after).flatMap { [$0, $1] },
      fill: Int(pad.value) == from.zeroPoint ? nil : pad.value)
  }

  /// - Parameter fill: what may stand in the padding without changing the result; nil where nothing
  ///   can, since padding does not count.
  mutating func addPool(
    _ operation: IntegerOperation, _ window: IntegerOperation.Window, code: TFLite.Operation,
    fill: Int8?
  ) throws(ExportError) {
    guard window.dilationHeight == 1, window.dilationWidth == 1 else {
      throw .operation(name: operation.name, "TensorFlow Lite has no dilated pooling")
    }
    let known = file.operators.count
    let (source, padding) = padded(operation, window, fill: fill)
    let isPadded = file.operators[known...].contains { $0.code == TFLite.Operation.pad.rawValue }
    guard !isPadded else {
      throw .operation(
        name: operation.name,
        "TensorFlow Lite has no average pooling with padding of its own choice")
    }
    typealias Options = TFLite.Options.Pool
    append(
      code, version: 2, [source], places[operation.output],
      options: (
        TFLite.OptionsType.pool,
        [
          (Options.padding, .int8(padding.rawValue)),
          (Options.strideWidth, .int32(Int32(window.strideWidth))),
          (Options.strideHeight, .int32(Int32(window.strideHeight))),
          (Options.filterWidth, .int32(Int32(window.kernelWidth))),
          (Options.filterHeight, .int32(Int32(window.kernelHeight))),
        ]
      ))
  }

  mutating func addSlice(_ operation: IntegerOperation, _ slice: Slice) {
    let to = program.tensors[operation.output]
    let counts = [to.height, to.width, to.channels]
    let ends = (0..<3).map { slice.start[$0] + slice.step[$0] * (counts[$0] - 1) + 1 }
    let lists = [
      file.add([0] + slice.start, name: "begin"), file.add([1] + ends, name: "end"),
      file.add([1] + slice.step, name: "strides"),
    ]
    append(
      .stridedSlice, version: 2, [image(operation.inputs[0])] + lists, places[operation.output],
      options: (TFLite.OptionsType.stridedSlice, []))
  }
}
