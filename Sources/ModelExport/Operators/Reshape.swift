import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Reshape: TFLiteExportable {
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    let own = exporter.program.tensors[operation.output]
    Self.write(
      exporter.places[operation.inputs[0]], as: [1, own.height, own.width, own.channels],
      to: exporter.places[operation.output], &exporter)
  }

  static func write(
    _ source: Int, as shape: [Int], to target: Int, _ exporter: inout TFLiteExporter
  ) {
    let list = exporter.file.add(shape, name: "shape")
    exporter.append(
      TFLiteRow(.reshape, version: 1, options: TFLite.OptionsType.reshape), [source, list], target)
  }
}
