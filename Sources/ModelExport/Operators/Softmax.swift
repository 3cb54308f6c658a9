import CupelIntegerBuilder
import CupelIntegerOperators
import CupelTFLiteSchema

extension Softmax: TFLiteExportable, OnnxExportable {
  /// TensorFlow Lite Micro computes something else where input and output have different axes.
  static var keepsAxes: Bool { true }

  /// The file states β, from which and the input's scale the kernels derive a multiplier.
  func write(to exporter: inout TFLiteExporter) throws(ExportError) {
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
