import CupelIntegerBuilder
import CupelTFLiteSchema
import Foundation

extension OperatorRoom {
  static let hyperbolicTangent = OperatorRoom(
    TFLiteRow(
      .tanh,
      integer: {
        try $0.lookUp(
          .hyperbolicTangent, onto: Grid(scale: 1 / 128, zeroPoint: 0, bits: 8), real: { tanh($0) })
      }))
}
