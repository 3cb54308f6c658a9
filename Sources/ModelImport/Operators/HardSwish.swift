import CupelFloatGraph
import CupelTFLiteSchema

extension OperatorRoom {
  static let hardSwish = OperatorRoom(
    OnnxRow(
      "HardSwish", float: { try $0.elementwise(.hardSwish) },
      quantized: { try $0.lookUp(.hardSwish) }),
    TFLiteRow(
      .hardSwish, float: { try $0.elementwise(.hardSwish) },
      integer: {
        try $0.lookUp(
          .hardSwish, rule: "the output's scale is too small for the input's",
          real: FloatGraph.HardSwish().value(at:))
      }), composed: [FloatGraph.HardSwish()])
}
