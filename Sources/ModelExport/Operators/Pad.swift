import IntegerOperators
import ModelWriter
import TFLiteSchema

private let row = TFLiteRow(.pad, version: 2, options: TFLite.OptionsType.pad)
/// With a value of one's own.
private let rowWithValue = TFLiteRow(.padV2, version: 2, options: TFLite.OptionsType.padV2)

extension Pad: TFLiteExportable, OnnxExportable {
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    let after = after(operation, exporter.program)
    let from = exporter.program.tensors[operation.inputs[0]]
    Self.write(
      exporter.image(operation.inputs[0]), to: exporter.places[operation.output],
      onGridOf: operation.output,
      amounts: [0, 0] + (0..<3).flatMap { [before[$0], after[$0]] },
      fill: Int(value) == from.zeroPoint ? nil : value, &exporter)
  }

  /// - Parameter fill: nil for the zero point, which PAD takes by itself.
  static func write(
    _ source: Int, to target: Int, onGridOf tensor: Int, amounts: [Int], fill: Int8?,
    _ exporter: inout TFLiteExporter
  ) {
    let list = exporter.file.add(amounts, shape: [4, 2], name: "paddings")
    guard let fill else {
      exporter.append(row, [source, list], target)
      return
    }
    let value = exporter.constant(fill, onGridOf: tensor, name: "padding")
    exporter.append(rowWithValue, [source, list, value], target)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    let from = exporter.program.tensors[operation.inputs[0]]
    let after = after(operation, exporter.program)
    let amounts = exporter.integers(
      [0, before.channels, before.height, before.width]
        + [0, after.channels, after.height, after.width])
    let fill = exporter.number(from.scale * Float(Int(value) - from.zeroPoint))
    let result = exporter.intermediate(operation.output, "padded")
    exporter.node(
      "Pad", [exporter.image(operation.inputs[0]), amounts, fill], result, name: operation.name)
    exporter.quantize(result, operation.output)
  }

  private func after(_ operation: IntegerOperation, _ program: IntegerProgram) -> Axes {
    let from = program.tensors[operation.inputs[0]]
    let to = program.tensors[operation.output]
    return Axes(
      to.height - from.height - before.height, to.width - from.width - before.width,
      to.channels - from.channels - before.channels)
  }
}
