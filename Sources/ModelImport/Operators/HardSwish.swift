import FloatGraph
import TFLiteSchema

extension OperatorRoom {
  static let hardSwish = OperatorRoom(
    onnx: [
      OnnxRow(
        "HardSwish", float: { try $0.elementwise(.hardSwish) },
        quantized: { try $0.lookUp(.hardSwish) })
    ],
    tflite: [
      TFLiteRow(
        .hardSwish, float: { try $0.elementwise(.hardSwish) },
        integer: {
          try $0.lookUp(
            .hardSwish, rule: "the output's scale is too small for the input's",
            real: FloatGraph.HardSwish().value(at:))
        })
    ])
}
