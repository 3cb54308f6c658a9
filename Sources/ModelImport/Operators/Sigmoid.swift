import FixedPoint
import Foundation
import IntegerBuilder
import ModelWriter
import TFLiteSchema

extension OperatorRoom {
  static let sigmoid = OperatorRoom(tflite: [
    TFLiteRow(.logistic, integer: { try $0.logistic($1) })
  ])
}

extension TFLiteIntegerConverter {
  /// A table: LiteRT's is made in float32, TensorFlow Lite Micro's in fixed point.
  fileprivate mutating func logistic(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = builder[input]
    let output = try description(try node.output())
    guard output.zeroPoint == -128, output.scale == 1 / 256 else {
      throw node.error("its output needs a zero point of -128 and a scale of 1/256")
    }
    let table =
      builder.profile == .tflm
      ? FunctionTable.fixedPoint(
        from: source.grid, bits: 8, zeroPoint: -128, FixedPoint.logistic)
      : FunctionTable.single(from: source.grid, to: output.grid) { 1 / (1 + exp(-$0)) }
    try finish(node, .lookup(table: table), [input], extent: source.extent)
  }
}
