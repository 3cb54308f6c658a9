import CupelIntegerBuilder
import CupelTFLiteSchema

/// Sums of activations, and biases that stand apart from their layer.
extension OperatorRoom {
  static let add = OperatorRoom(
    OnnxRow("Add", float: { try $0.arithmetic(.add) }, quantized: { try $0.arithmetic(.add) }),
    OnnxRow(
      "QLinearAdd", in: .runtime, statesItsInputsGrid: true,
      quantized: { try $0.qLinearJoin(ProgramBuilder.sum) { .add(.init($0)) } }),
    TFLiteRow(
      .add, float: { try $0.arithmetic(.add) },
      integer: { try $0.join(ProgramBuilder.sum, rule: .sumRule) { .add(.init($0)) } }))
}
