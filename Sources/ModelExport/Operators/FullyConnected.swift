import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension FullyConnected: TFLiteExportable where Storage == InMemory {
  static var givesFeatures: Bool { true }

  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let constants = try exporter.addConstants(
      self, shape: [exporter.output.channels, exporter.input.elementCount], axis: 0)
    let version: Int32 =
      constants.isPerTensor ? (constants.bits == 4 ? 10 : constants.version(4, wide: 7)) : 12
    exporter.write(within: weights) { exporter, activation, target in
      typealias Options = TFLite.Options.FullyConnected
      exporter.append(
        .fullyConnected, version: version, [exporter.source] + constants.inputs, target,
        [
          (Options.activation, .number(activation.rawValue)),
          (Options.weightsFormat, .number(0 as Int8)),
        ] + constants.option(Options.biasType))
    }
  }
}

extension FullyConnected: OnnxExportable where Storage == InMemory {
  /// A flattened image is [H][W][C] here and [C][H][W] to the file's layer.
  func write(to exporter: inout OnnxExporter) {
    let input = exporter.input
    let source = exporter.flattened()
    let constants = exporter.addConstants(
      self, shape: [exporter.output.channels, input.elementCount],
      order: Transposition(rows: input.height * input.width, columns: input.channels))
    exporter.markFlat()
    exporter.add(
      "Gemm", [source] + constants, as: "sum", within: weights, [.integer("transB", 1)])
  }
}
