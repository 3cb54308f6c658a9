import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Concatenate: TFLiteExportable, OnnxExportable {
  func write(_ operation: IntegerOperation, to exporter: inout TFLiteExporter) {
    exporter.append(
      TFLiteRow(.concatenation, version: 2, options: TFLite.OptionsType.concatenation),
      operation.inputs.map { exporter.image($0) }, exporter.places[operation.output],
      [(TFLite.Options.Concatenation.axis, .int32(Int32(axis + 1)))])
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    let inputs = operation.inputs.map { exporter.image($0) }
    let result = exporter.intermediate(operation.output, "joined")
    exporter.node(
      "Concat", inputs, result, name: operation.name, [.integer("axis", [2, 3, 1][axis])])
    exporter.quantize(result, operation.output)
  }
}
