import FloatGraph
import IntegerBuilder
import TFLiteSchema

extension OperatorRoom {
  static let sigmoid = OperatorRoom(tflite: [
    TFLiteRow(
      .logistic,
      integer: {
        try $0.lookUp(
          $1, .logistic, onto: Grid(scale: 1 / 256, zeroPoint: -128, bits: 8),
          real: FloatGraph.Sigmoid().value(at:))
      })
  ])
}
