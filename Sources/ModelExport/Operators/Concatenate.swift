import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

extension Concatenate: TFLiteExportable, OnnxExportable {
  func write(to exporter: inout TFLiteExporter) {
    exporter.append(
      .concatenation, version: 2, exporter.images(), exporter.target,
      [(TFLite.Options.Concatenation.axis, .number(Int32(axis + 1)))])
  }

  func write(to exporter: inout OnnxExporter) {
    let axis = ChannelOrder.first(axis: axis) + 1
    exporter.add("Concat", exporter.images(), as: "joined", [.integer("axis", axis)])
  }
}
