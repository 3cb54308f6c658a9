import CupelFloatGraph
import CupelIntegerBuilder
import CupelTFLiteSchema

extension OperatorRoom {
  static let sigmoid = OperatorRoom(
    OnnxRow(
      "Sigmoid", float: { try $0.elementwise(.sigmoid) }, quantized: { try $0.lookUp(.logistic) }),
    OnnxRow(
      "QLinearSigmoid", in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearLookUp(.logistic, FloatGraph.Sigmoid()) }),
    TFLiteRow(
      .logistic, float: { try $0.elementwise(.sigmoid) },
      integer: { try $0.lookUp(.logistic, onto: .shares, real: FloatGraph.Sigmoid().value(at:)) }))
}
