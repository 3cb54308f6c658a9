import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Transpose: TFLiteExportable {
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    let order = exporter.file.add([0] + axes.list.map { $0 + 1 }, name: "order")
    exporter.append(
      TFLiteRow(.transpose, version: 2, options: TFLite.OptionsType.transpose),
      [exporter.image(operation.inputs[0]), order], exporter.places[operation.output])
  }
}
