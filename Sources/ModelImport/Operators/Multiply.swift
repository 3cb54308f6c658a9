import CupelIntegerBuilder
import CupelModelWriter
import CupelTFLiteSchema

/// Products of activations, and of an activation and a constant.
extension OperatorRoom {
  static let multiply = OperatorRoom(
    OnnxRow(
      "Mul", float: { try $0.arithmetic(.multiply) }, quantized: { try $0.arithmetic(.multiply) }),
    OnnxRow(
      "QLinearMul", in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearJoin(ProgramBuilder.product) { .multiply(.init($0)) } }),
    TFLiteRow(
      .mul, float: { try $0.arithmetic(.multiply) },
      integer: { try $0.join(ProgramBuilder.product) { .multiply(.init($0)) } }))
}
