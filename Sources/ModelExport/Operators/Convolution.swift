import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

extension Convolution: TFLiteExportable where Storage == InMemory {
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let depth = exporter.input.channels / groups
    let constants = try exporter.addConstants(
      self, shape: [exporter.output.channels, window.kernelHeight, window.kernelWidth, depth],
      axis: 0)
    // Versions that know int8, groups, and int4.
    let version: Int32 =
      groups > 1 ? 6 : constants.bits == 4 ? 7 : constants.version(3, wide: 4)
    typealias Options = TFLite.Options.Convolution
    exporter.addSliding(
      .conv2D, version: version, window, within: weights, constants, activation: Options.activation,
      [
        (Options.dilationWidth, .number(Int32(window.dilationWidth))),
        (Options.dilationHeight, .number(Int32(window.dilationHeight))),
      ] + constants.option(Options.biasType))
  }
}

extension Convolution: OnnxExportable where Storage == InMemory {
  func write(to exporter: inout OnnxExporter) {
    let depth = exporter.input.channels / groups
    exporter.addSliding(
      window, self, depth: depth, groups: groups,
      order: Transposition(rows: window.taps, columns: depth))
  }
}
