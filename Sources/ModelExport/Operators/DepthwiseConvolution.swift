import CupelIntegerBuilder
import CupelIntegerOperators
import CupelModelWriter
import CupelTFLiteSchema

private typealias Options = TFLite.Options.DepthwiseConvolution

extension DepthwiseConvolution: TFLiteExportable where Storage == InMemory {
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    let constants = try exporter.addConstants(
      self, shape: [1, window.kernelHeight, window.kernelWidth, exporter.output.channels], axis: 3)
    // Versions that know int8, and int4; LiteRT's reference kernels have that under version 6, and
    // refuse 7.
    exporter.addSliding(
      .depthwiseConv2D, version: constants.bits == 4 ? 6 : constants.version(3, wide: 5), window,
      within: weights, constants,
      activation: Options.activation, Self.options(window))
  }

  private static func options(_ window: Window) -> [TFLiteFile.Option] {
    [
      (Options.depthMultiplier, .number(1 as Int32)),
      (Options.dilationWidth, .number(Int32(window.dilationWidth))),
      (Options.dilationHeight, .number(Int32(window.dilationHeight))),
    ]
  }

  /// The mean over an image, as a layer whose weights are one over their number.
  static func writeMean(
    _ activation: TFLite.Activation, target: Int, to exporter: inout TFLiteExporter
  ) {
    let input = exporter.input
    let scale = 1 / Float(input.height * input.width)
    let weights = exporter.constant(
      "/weights", .int8, [1, input.height, input.width, input.channels], scales: [scale], axis: 3,
      [UInt8](repeating: 1, count: input.elementCount))
    let bias = exporter.constant(
      "/bias", .int32, [input.channels], scales: [input.scale * scale],
      [UInt8](repeating: 0, count: 4 * input.channels))
    let window = Window(kernelHeight: input.height, kernelWidth: input.width)
    exporter.append(
      .depthwiseConv2D, version: 3, [exporter.image(), weights, bias], target,
      window.options(.valid) + [(Options.activation, .number(activation.rawValue))]
        + options(window))
  }
}

extension DepthwiseConvolution: OnnxExportable where Storage == InMemory {
  func write(to exporter: inout OnnxExporter) {
    let channels = exporter.output.channels
    exporter.addSliding(
      window, self, depth: 1, groups: channels,
      order: Transposition(rows: window.taps, columns: channels))
  }
}
