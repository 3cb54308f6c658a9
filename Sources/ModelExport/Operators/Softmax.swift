import IntegerBuilder
import IntegerOperators
import ModelWriter
import TFLiteSchema

extension Softmax: TFLiteExportable, OnnxExportable {
  /// The file states β, from which and the input's scale the kernels derive a multiplier.
  func write(
    _ operation: IntegerOperation, to exporter: inout TFLiteExporter
  ) throws(ExportError) {
    let scale = Double(exporter.program.tensors[operation.inputs[0]].scale)
    let stated =
      Double(multiplier) * Double(sign: .plus, exponent: Int(leftShift) - 31, significand: 1)
    let derived = Float(stated / (scale * 0x1p26))
    guard let beta = [1, derived].first(where: { follows(from: Double($0) * scale) }) else {
      throw .operation(
        name: operation.name, "its multiplier does not follow from its input's scale")
    }
    exporter.append(
      TFLiteRow(.softmax, version: 2, options: TFLite.OptionsType.softmax),
      [exporter.places[operation.inputs[0]]], exporter.places[operation.output],
      [(TFLite.Options.Softmax.beta, .float32(beta))])
  }

  private func follows(from scale: Double) -> Bool {
    let derived = Multiplier(toQ26: scale)
    return derived?.value == multiplier && derived?.shift == leftShift
  }

  /// Over features; its exponents are the input's real values as they are.
  func write(_ operation: IntegerOperation, to exporter: inout OnnxExporter) throws(ExportError) {
    let input = exporter.program.tensors[operation.inputs[0]]
    guard input.height * input.width == 1, follows(from: Double(input.scale)) else {
      throw .operation(name: operation.name, "it is not a plain softmax of features")
    }
    let result = exporter.intermediate(operation.output, "shares")
    exporter.node(
      "Softmax", [exporter.flattened(operation.inputs[0])], result, name: operation.name,
      [.integer("axis", 1)])
    exporter.markFlat(operation.output)
    exporter.quantize(result, operation.output)
  }
}
