import Foundation
import IntegerOperators
import TFLiteSchema

extension OperatorRoom {
  static let sigmoid = OperatorRoom(tflite: [
    TFLiteRow(
      .logistic,
      integer: {
        try $0.lookUp($1, bits: 8, zeroPoint: -128, fixedPoint: IntegerOperators.logistic) {
          1 / (1 + exp(-$0))
        }
      })
  ])
}
