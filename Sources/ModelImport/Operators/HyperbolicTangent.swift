import FixedPoint
import Foundation
import IntegerBuilder
import ModelWriter
import TFLiteSchema

extension OperatorRoom {
  static let hyperbolicTangent = OperatorRoom(tflite: [
    TFLiteRow(.tanh, integer: { try $0.hyperbolicTangent($1) })
  ])
}

extension TFLiteIntegerConverter {
  /// A table: LiteRT's is made in float32, TensorFlow Lite Micro's in fixed point.
  fileprivate mutating func hyperbolicTangent(_ node: TFLiteNode) throws(ImportError) {
    let input = try activation(node)
    let source = builder[input]
    let output = try description(try node.output())
    guard output.zeroPoint == 0, output.scale == 1 / 128 else {
      throw node.error("its output needs a zero point of 0 and a scale of 1/128")
    }
    let table =
      builder.profile == .tflm
      ? FunctionTable.fixedPoint(
        from: source.grid, bits: 7, zeroPoint: 0, FixedPoint.hyperbolicTangent)
      : FunctionTable.single(from: source.grid, to: output.grid) { tanh($0) }
    try finish(node, .lookup(table: table), [input], extent: source.extent)
  }
}
