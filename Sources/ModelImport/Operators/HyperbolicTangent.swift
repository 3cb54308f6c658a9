import FixedPoint
import Foundation
import TFLiteSchema

extension OperatorRoom {
  static let hyperbolicTangent = OperatorRoom(tflite: [
    TFLiteRow(
      .tanh,
      integer: {
        try $0.lookUp($1, bits: 7, zeroPoint: 0, fixedPoint: FixedPoint.hyperbolicTangent) {
          tanh($0)
        }
      })
  ])
}
