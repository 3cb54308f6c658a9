import FixedPoint
import IntegerBuilder
import TFLiteSchema

extension OperatorRoom {
  static let leakyRelu = OperatorRoom(tflite: [
    TFLiteRow(.leakyRelu, integer: { try $0.leakyRelu($1) })
  ])
}

extension TFLiteIntegerConverter {
  fileprivate mutating func leakyRelu(_ node: TFLiteNode) throws(ImportError) {
    let alpha = try node.float(TFLite.Options.LeakyRelu.alpha, default: 0)
    try lookUp(node) { input, output throws(ImportError) in
      guard let table = FunctionTable.leakyRelu(input, output, alpha: alpha) else {
        throw node.error("the scales have a ratio that is too large")
      }
      return table
    }
  }
}

extension FunctionTable {
  /// Two ratios, one for each side of zero, both rounded twice; nil where one is too large.
  fileprivate static func leakyRelu(
    _ input: Grid, _ output: Grid, alpha: Float
  ) -> [Int8]? {
    guard let identity = Multiplier(Double(input.scale / output.scale)),
      let slope = Multiplier(Double(input.scale * alpha / output.scale)),
      max(identity.shift, slope.shift) < 23
    else { return nil }
    return (-128...127).map { value in
      let difference = Int32(value - input.zeroPoint)
      let parts = difference >= 0 ? identity : slope
      let scaled = multiplyDoubleRounding(
        difference, multiplier: parts.value, shift: parts.shift)
      return placedOnGrid(
        scaled, zeroPoint: Int32(output.zeroPoint), low: -128, high: 127)
    }
  }
}
