import FixedPoint
import Foundation
import TFLiteSchema

extension OperatorRoom {
  static let sigmoid = OperatorRoom(tflite: [
    TFLiteRow(
      .logistic,
      integer: {
        try $0.lookUp($1, bits: 8, zeroPoint: -128, fixedPoint: FixedPoint.logistic) {
          1 / (1 + exp(-$0))
        }
      })
  ])
}
