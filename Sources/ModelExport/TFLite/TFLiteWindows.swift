import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

extension Window {
  /// What the options of all operators with windows have, under the same numbers.
  func options(_ padding: TFLite.Padding) -> [TFLiteFile.Option] {
    typealias Options = TFLite.Options.Pool
    return [
      (Options.padding, .number(padding.rawValue)),
      (Options.strideWidth, .number(Int32(strideWidth))),
      (Options.strideHeight, .number(Int32(strideHeight))),
    ]
  }
}

/// Windows and their padding.
extension TFLiteExporter {
  /// The place of an operation's input, and the kind of padding that the window then has: TensorFlow
  /// Lite knows as much as makes the output's size the input's divided by the stride, or none; any
  /// other becomes an operator of its own.
  ///
  /// - Parameter fill: what is put around the input; nil for its zero point.
  mutating func padded(_ window: Window, fill: Int16?) -> (source: Int, padding: TFLite.Padding) {
    let (from, to) = (input, output)
    let padded = PaddedWindow(window, input: from, output: to)
    let (rows, columns) = (padded.rows, padded.columns)
    if !padded.isPadded { return (image(), .valid) }
    if rows.isSame(over: from.height, outputs: to.height),
      columns.isSame(over: from.width, outputs: to.width)
    {
      return (image(), .same)
    }
    let tensor = operation.inputs[0]
    let target = temporary("/padded", like: tensor, shape: [1] + padded.padded(from.extent))
    Pad.write(
      image(), to: target, onGridOf: tensor,
      amounts: [0, 0, rows.before, rows.after, columns.before, columns.after, 0, 0], fill: fill,
      &self)
    return (target, .valid)
  }

  /// An operator that slides a window, with the padding before it and the activation behind it.
  ///
  /// - Parameters:
  ///   - activation: its field in the options.
  ///   - options: those that not all operators with windows have.
  mutating func addSliding(
    _ code: TFLite.Operation, version: Int32, _ window: Window, within bounds: some Bounded,
    _ constants: LayerConstants, activation field: Int, _ options: [TFLiteFile.Option]
  ) {
    let (source, padding) = padded(window, fill: nil)
    write(within: bounds) { exporter, activation, target in
      exporter.append(
        code, version: version, [source] + constants.inputs, target,
        window.options(padding) + [(field, .number(activation.rawValue))] + options)
    }
  }
}
