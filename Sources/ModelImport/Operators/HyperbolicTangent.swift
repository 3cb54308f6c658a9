import CupelFloatGraph
import CupelIntegerBuilder
import CupelTFLiteSchema

extension OperatorRoom {
  static let hyperbolicTangent = OperatorRoom(
    OnnxRow(
      "Tanh", anyBatchPlace: true, float: { try $0.elementwise(.hyperbolicTangent) },
      quantized: { try $0.lookUp(.hyperbolicTangent) }),
    TFLiteRow(
      .tanh, float: { try $0.elementwise(.hyperbolicTangent) },
      integer: {
        try $0.lookUp(
          .hyperbolicTangent, onto: Grid(scale: 1 / 128, zeroPoint: 0, bits: 8),
          real: FloatGraph.HyperbolicTangent().value(at:))
      }))
}
