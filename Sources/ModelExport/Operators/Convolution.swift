import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Convolution: TFLiteExportable where Storage == InMemory {
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let depth = exporter.program.tensors[operation.inputs[0]].channels / groups
    let channels = exporter.program.tensors[operation.output].channels
    let constants = try exporter.addConstants(
      operation, self, shape: [channels, window.kernelHeight, window.kernelWidth, depth], axis: 0)
    // Versions that know int8, groups, and int4.
    let row = TFLiteRow(
      .conv2D, version: groups > 1 ? 6 : weights.bits == 4 ? 7 : 3,
      options: TFLite.OptionsType.convolution)
    typealias Options = TFLite.Options.Convolution
    exporter.addSliding(row, operation, window, weights, constants) { padding, activation in
      [
        (Options.padding, .int8(padding.rawValue)),
        (Options.strideWidth, .int32(Int32(window.strideWidth))),
        (Options.strideHeight, .int32(Int32(window.strideHeight))),
        (Options.activation, .int8(activation.rawValue)),
        (Options.dilationWidth, .int32(Int32(window.dilationWidth))),
        (Options.dilationHeight, .int32(Int32(window.dilationHeight))),
      ]
    }
  }
}

extension Convolution: OnnxExportable where Storage == InMemory {
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    let depth = exporter.program.tensors[operation.inputs[0]].channels / groups
    exporter.addSliding(
      operation, window, self, depth: depth, groups: groups,
      order: Transposition(rows: window.taps, columns: depth))
  }
}
