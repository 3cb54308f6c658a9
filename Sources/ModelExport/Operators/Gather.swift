import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension Gather: TFLiteExportable where Storage == InMemory {
  func write(to exporter: inout TFLiteExporter) {
    let list = exporter.file.add(indices, name: exporter.operation.name + "/indices")
    exporter.append(
      .gather, version: 2, [exporter.image(), list], exporter.target,
      [(TFLite.Options.Gather.axis, .number(Int32(axis + 1)))])
  }
}

extension Gather: OnnxExportable where Storage == InMemory {
  func write(to exporter: inout OnnxExporter) {
    let (image, list) = (exporter.image(), exporter.integers(indices))
    let axis = ChannelOrder.first(axis: axis) + 1
    exporter.add("Gather", [image, list], as: "gathered", [.integer("axis", axis)])
  }
}
