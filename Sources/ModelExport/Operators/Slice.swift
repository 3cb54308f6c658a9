import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension IntegerOperators.Slice: TFLiteExportable, OnnxExportable {
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    Self.write(
      exporter.image(operation.inputs[0]), to: exporter.places[operation.output],
      begin: start.list, ends: ends(operation, exporter.program), steps: step.list, &exporter)
  }

  /// - Parameter begin: and all others, of height, width and channels.
  static func write(
    _ source: Int, to target: Int, begin: [Int], ends: [Int], steps: [Int],
    _ exporter: inout TFLiteExporter
  ) {
    let lists = [
      exporter.file.add([0] + begin, name: "begin"),
      exporter.file.add([1] + ends, name: "end"),
      exporter.file.add([1] + steps, name: "strides"),
    ]
    exporter.append(
      TFLiteRow(.stridedSlice, version: 2, options: TFLite.OptionsType.stridedSlice),
      [source] + lists, target)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    let order = [2, 0, 1]
    let ends = ends(operation, exporter.program)
    let inputs = [
      exporter.image(operation.inputs[0]), exporter.integers(order.map { start[$0] }),
      exporter.integers(order.map { ends[$0] }), exporter.integers([1, 2, 3]),
      exporter.integers(order.map { step[$0] }),
    ]
    let result = exporter.intermediate(operation.output, "slice")
    exporter.node("Slice", inputs, result, name: operation.name)
    exporter.quantize(result, operation.output)
  }

  private func ends(_ operation: IntegerOperation, _ program: IntegerProgram) -> [Int] {
    let to = program.tensors[operation.output]
    let counts = [to.height, to.width, to.channels]
    return (0..<3).map { start[$0] + step[$0] * (counts[$0] - 1) + 1 }
  }
}
