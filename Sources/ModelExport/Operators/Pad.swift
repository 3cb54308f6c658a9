import CupelIntegerOperators

extension Pad: TFLiteExportable, OnnxExportable {
  func write(to exporter: inout TFLiteExporter) {
    let after = after(exporter)
    Self.write(
      exporter.image(), to: exporter.target, onGridOf: exporter.operation.output,
      amounts: [0, 0] + (0..<3).flatMap { [before[$0], after[$0]] },
      fill: Int(value) == exporter.input.zeroPoint ? nil : value, &exporter)
  }

  /// - Parameter fill: nil for the zero point, which PAD takes by itself.
  static func write(
    _ source: Int, to target: Int, onGridOf tensor: Int, amounts: [Int], fill: Int16?,
    _ exporter: inout TFLiteExporter
  ) {
    var inputs = [source, exporter.file.add(amounts, shape: [4, 2], name: "paddings")]
    if let fill {
      inputs.append(exporter.constant(fill, onGridOf: tensor, name: "padding"))
    }
    exporter.append(fill == nil ? .pad : .padV2, version: 2, inputs, target)
  }

  func write(to exporter: inout OnnxExporter) {
    let after = after(exporter)
    let amounts = exporter.integers(
      [0, before.channels, before.height, before.width]
        + [0, after.channels, after.height, after.width])
    let fill = exporter.number(exporter.input.grid.dequantize(Int(value)))
    exporter.add("Pad", [exporter.image(), amounts, fill], as: "padded")
  }

  private func after(_ exporter: some Exporter) -> Axes {
    let (from, to) = (exporter.input, exporter.output)
    return Axes(
      to.height - from.height - before.height, to.width - from.width - before.width,
      to.channels - from.channels - before.channels)
  }
}
