import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension FullyConnected: TFLiteExportable where Storage == InMemory {
  static var givesFeatures: Bool { true }

  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let input = operation.inputs[0]
    let shape = [
      exporter.program.tensors[operation.output].channels,
      exporter.program.tensors[input].elementCount,
    ]
    let constants = try exporter.addConstants(operation, self, shape: shape, axis: 0)
    let row = TFLiteRow(
      .fullyConnected, version: constants.isPerTensor ? (weights.bits == 4 ? 10 : 4) : 12,
      options: TFLite.OptionsType.fullyConnected)
    let (activation, target, rest) = exporter.activation(
      low: weights.low, high: weights.high, of: operation.output)
    typealias Options = TFLite.Options.FullyConnected
    exporter.append(
      row, [exporter.places[input], constants.weights, constants.bias], target,
      [(Options.activation, .int8(activation.rawValue)), (Options.weightsFormat, .int8(0))])
    rest?(&exporter)
  }
}

extension FullyConnected: OnnxExportable where Storage == InMemory {
  /// A flattened image is [H][W][C] here and [C][H][W] to the file's layer.
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    let input = exporter.program.tensors[operation.inputs[0]]
    let outputs = exporter.program.tensors[operation.output].channels
    let source = exporter.flattened(operation.inputs[0])
    let constants = exporter.addConstants(
      operation, self, shape: [outputs, input.elementCount],
      order: Transposition(rows: input.height * input.width, columns: input.channels))
    let result = exporter.intermediate(operation.output, "sum")
    exporter.node(
      "Gemm", [source] + constants, result, name: operation.name, [.integer("transB", 1)])
    exporter.markFlat(operation.output)
    exporter.finish(result, low: weights.low, high: weights.high, to: operation.output)
  }
}
