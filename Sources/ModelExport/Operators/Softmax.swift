import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

extension Softmax: TFLiteExportable, OnnxExportable {
  /// TensorFlow Lite Micro computes something else where input and output have different axes.
  static var keepsAxes: Bool { true }

  /// The file states β, from which and the input's scale the kernels derive a multiplier.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
    if exporter.output.grid.isWide { return try writeWide(to: &exporter) }
    let scale = Double(exporter.input.scale)
    let stated =
      Double(multiplier) * Double(sign: .plus, exponent: Int(leftShift) - 31, significand: 1)
    let derived = Float(stated / (scale * 0x1p26))
    guard let beta = [1, derived].first(where: { follows(from: Double($0) * scale) }) else {
      throw exporter.failure("its multiplier does not follow from its input's scale")
    }
    exporter.append(
      .softmax, version: 2, [exporter.source], exporter.target,
      [(TFLite.Options.Softmax.beta, .number(beta.bitPattern))])
  }

  /// LiteRT takes the product of β and the scale in float32.
  private func writeWide(to exporter: inout TFLiteExporter) throws(ExportError) {
    let scale = exporter.input.scale
    let stated =
      Double(multiplier) * Double(sign: .plus, exponent: Int(leftShift) - 31, significand: 1)
    let derived = Float(stated * (10.0 / 65535) / Double(scale))
    func follows(_ beta: Float) -> Bool {
      let own = Multiplier(Double(scale * beta) / (10.0 / 65535))
      return own?.value == multiplier && own?.shift == leftShift
    }
    guard let beta = [1, derived].first(where: follows) else {
      throw exporter.failure("its multiplier does not follow from its input's scale")
    }
    exporter.append(
      .softmax, version: 3, [exporter.source], exporter.target,
      [(TFLite.Options.Softmax.beta, .number(beta.bitPattern))])
  }

  private func follows(from scale: Double) -> Bool {
    let derived = Multiplier(toQ26: scale)
    return derived?.value == multiplier && derived?.shift == leftShift
  }

  /// Over features; its exponents are the input's real values as they are.
  func write(to exporter: inout OnnxExporter) throws(ExportError) {
    let input = exporter.input
    guard input.height * input.width == 1, follows(from: Double(input.scale)) else {
      throw exporter.failure("it is not a plain softmax of features")
    }
    exporter.markFlat()
    exporter.note(
      .inexact(because: "ONNX Runtime has a softmax of its own, from a table of exponentials"))
    exporter.add("Softmax", [exporter.flattened()], as: "shares", [.integer("axis", 1)])
  }
}
