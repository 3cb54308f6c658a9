import CupelIntegerBuilder
import CupelIntegerOperators

extension CupelIntegerOperators.Slice: TFLiteExportable, OnnxExportable {
  func write(to exporter: inout TFLiteExporter) {
    Self.write(
      exporter.image(), to: exporter.target, begin: start.list, ends: ends(exporter),
      steps: step.list, &exporter)
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
    exporter.append(.stridedSlice, version: 2, [source] + lists, target)
  }

  func write(to exporter: inout OnnxExporter) {
    let image = exporter.image()
    let lists = [start.list, ends(exporter)].map { exporter.integers(ChannelOrder.first($0)) }
    let axes = exporter.integers([1, 2, 3])
    let steps = exporter.integers(ChannelOrder.first(step.list))
    exporter.add("Slice", [image] + lists + [axes, steps], as: "slice")
  }

  private func ends(_ exporter: some Exporter) -> [Int] {
    exporter.output.extent.enumerated().map { start[$0] + step[$0] * ($1 - 1) + 1 }
  }
}
