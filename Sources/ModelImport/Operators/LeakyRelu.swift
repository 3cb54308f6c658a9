import FloatGraph
import TFLiteSchema

extension OperatorRoom {
  static let leakyRelu = OperatorRoom(tflite: [
    TFLiteRow(.leakyRelu, integer: { try $0.leakyRelu($1) })
  ])
}

extension TFLiteIntegerConverter {
  fileprivate mutating func leakyRelu(_ node: TFLiteNode) throws(ImportError) {
    let alpha = try node.float(TFLite.Options.LeakyRelu.alpha, default: 0)
    try lookUp(
      node, .leakyRelu, slope: alpha, rule: "the scales have a ratio that is too large",
      real: FloatGraph.LeakyRelu(slope: alpha).value(at:))
  }
}
