import FloatGraph
import TFLiteSchema

extension OperatorRoom {
  static let hardSwish = OperatorRoom(tflite: [
    TFLiteRow(
      .hardSwish,
      integer: {
        try $0.lookUp(
          $1, .hardSwish, rule: "the output's scale is too small for the input's",
          real: FloatGraph.HardSwish().value(at:))
      })
  ])
}
