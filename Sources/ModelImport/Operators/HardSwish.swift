import FloatGraph
import TFLiteSchema

extension OperatorRoom {
  static let hardSwish = OperatorRoom(
    onnx: [
      OnnxRow(
        "HardSwish", float: { try $0.elementwise($1, .hardSwish) },
        quantized: { try $0.lookUp($1, .hardSwish) })
    ],
    tflite: [
      TFLiteRow(
        .hardSwish, float: { try $0.elementwise($1, .hardSwish) },
        integer: {
          try $0.lookUp(
            $1, .hardSwish, rule: "the output's scale is too small for the input's",
            real: FloatGraph.HardSwish().value(at:))
        })
    ])
}
