import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Multiply: TFLiteExportable, OnnxExportable {
  static var repeatsInputs: Bool { true }

  /// The kernels take the ratio of the scales in float32.
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let inputs = operation.inputs.map { exporter.program.tensors[$0] }
    let output = exporter.program.tensors[operation.output]
    let ratio = inputs[0].scale * inputs[1].scale / output.scale
    guard let derived = Scaled(Multiplier(Double(ratio))) else {
      throw .operation(name: operation.name, "the ratio of its scales is too large")
    }
    let factors = inputs.map { Accumulators(of: 1, on: $0).sums }
    let corners = [factors[0].lowerBound, factors[0].upperBound].flatMap { one in
      [factors[1].lowerBound, factors[1].upperBound].map { one * $0 }
    }
    let products = Accumulators(sums: (corners.min() ?? 0)...(corners.max() ?? 0))
    exporter.note(
      operation, differing: products.differing(derived, Scaled(rescale)), of: products)
    exporter.addArithmetic(
      TFLiteRow(.mul, version: 2, options: TFLite.OptionsType.mul), operation, low: rescale.low,
      high: rescale.high)
  }

  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) {
    exporter.addBinary("Mul", operation, low: rescale.low, high: rescale.high)
  }
}
