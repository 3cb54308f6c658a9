import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

/// - Parameter version: that knows int8, and int4; LiteRT's reference kernels have that under version
///   6, and refuse 7.
private func row(bits: Int) -> TFLiteRow {
  TFLiteRow(
    .depthwiseConv2D, version: bits == 4 ? 6 : 3, options: TFLite.OptionsType.depthwiseConvolution)
}

private func options(
  _ window: Window, _ padding: TFLite.Padding, _ activation: TFLite.Activation
) -> [TFLiteFile.Option] {
  typealias Options = TFLite.Options.DepthwiseConvolution
  return [
    (Options.padding, .int8(padding.rawValue)),
    (Options.strideWidth, .int32(Int32(window.strideWidth))),
    (Options.strideHeight, .int32(Int32(window.strideHeight))),
    (Options.depthMultiplier, .int32(1)), (Options.activation, .int8(activation.rawValue)),
    (Options.dilationWidth, .int32(Int32(window.dilationWidth))),
    (Options.dilationHeight, .int32(Int32(window.dilationHeight))),
  ]
}

extension DepthwiseConvolution: TFLiteExportable where Storage == InMemory {
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let channels = exporter.program.tensors[operation.output].channels
    let constants = try exporter.addConstants(
      operation, self, shape: [1, window.kernelHeight, window.kernelWidth, channels], axis: 3)
    exporter.addSliding(
      row(bits: weights.bits), operation, window, weights, constants
    ) { options(window, $0, $1) }
  }

  /// The mean over an image, as a layer whose weights are one over their number.
  static func writeMean(
    _ operation: IntegerOperation, activation: TFLite.Activation, target: Int,
    to exporter: inout TFLiteExporter
  ) {
    let input = exporter.program.tensors[operation.inputs[0]]
    let scale = 1 / Float(input.height * input.width)
    let weights = exporter.file.add(
      TFLiteFile.Tensor(
        name: operation.name + "/weights", shape: [1, input.height, input.width, input.channels],
        type: .int8, scales: [scale], zeroPoints: [0], axis: 3),
      content: [UInt8](repeating: 1, count: input.elementCount))
    let bias = exporter.file.add(
      TFLiteFile.Tensor(
        name: operation.name + "/bias", shape: [input.channels], type: .int32,
        scales: [input.scale * scale], zeroPoints: [0]),
      content: [UInt8](repeating: 0, count: 4 * input.channels))
    exporter.append(
      row(bits: 8), [exporter.image(operation.inputs[0]), weights, bias], target,
      options(
        Window(kernelHeight: input.height, kernelWidth: input.width), .valid, activation))
  }
}

extension DepthwiseConvolution: OnnxExportable where Storage == InMemory {
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    let channels = exporter.program.tensors[operation.output].channels
    exporter.addSliding(
      operation, window, self, depth: 1, groups: channels,
      order: Transposition(rows: window.taps, columns: channels))
  }
}
