import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

/// Windows and their padding.
extension TFLiteExporter {
  /// The place of an operation's input, and the kind of padding that the window then has: TensorFlow
  /// Lite knows as much as makes the output's size the input's divided by the stride, or none; any
  /// other becomes an operator of its own.
  ///
  /// - Parameter fill: what is put around the input; nil for its zero point.
  mutating func padded(
    _ operation: IntegerOperation, _ window: Window, fill: Int8?
  ) -> (source: Int, padding: TFLite.Padding) {
    let input = operation.inputs[0]
    let from = program.tensors[input]
    let to = program.tensors[operation.output]
    let padded = PaddedWindow(window, input: from, output: to)
    let (rows, columns) = (padded.rows, padded.columns)
    if !padded.isPadded { return (image(input), .valid) }
    if rows.isSame(over: from.height, outputs: to.height),
      columns.isSame(over: from.width, outputs: to.width)
    {
      return (image(input), .same)
    }
    let target = temporary(
      like: input, suffix: "/padded", shape: [1] + padded.padded(from.extent))
    Pad.write(
      image(input), to: target, onGridOf: input,
      amounts: [0, 0, rows.before, rows.after, columns.before, columns.after, 0, 0], fill: fill,
      &self)
    return (target, .valid)
  }

  /// An operator that slides a window, with the padding before it and the activation behind it.
  mutating func addSliding(
    _ row: TFLiteRow, _ operation: IntegerOperation, _ window: Window,
    _ weights: Weights<InMemory>, _ constants: LayerConstants,
    _ options: (TFLite.Padding, TFLite.Activation) -> [TFLiteFile.Option]
  ) {
    let (source, padding) = padded(operation, window, fill: nil)
    let (activation, target, rest) = activation(
      low: weights.low, high: weights.high, of: operation.output)
    append(
      row, [source, constants.weights, constants.bias], target, options(padding, activation))
    rest?(&self)
  }

  /// - Parameter fill: what may stand in the padding without changing the result; nil where nothing
  ///   can, since padding does not count.
  mutating func addPool(
    _ code: TFLite.Operation, _ operation: IntegerOperation, _ window: Window, fill: Int8?
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
      TFLiteRow(code, version: 2, options: TFLite.OptionsType.pool), [source],
      places[operation.output],
      [
        (Options.padding, .int8(padding.rawValue)),
        (Options.strideWidth, .int32(Int32(window.strideWidth))),
        (Options.strideHeight, .int32(Int32(window.strideHeight))),
        (Options.filterWidth, .int32(Int32(window.kernelWidth))),
        (Options.filterHeight, .int32(Int32(window.kernelHeight))),
      ])
  }
}
