import CupelFloatGraph
import CupelTFLiteSchema

extension OperatorRoom {
  static let leakyRelu = OperatorRoom(
    OnnxRow(
      "LeakyRelu", ["alpha"], float: { try $0.elementwise(.leakyRelu(slope: $0.node.slope())) },
      quantized: { try $0.lookUp(.leakyRelu, slope: $0.node.slope()) }),
    OnnxRow(
      "QLinearLeakyRelu", ["alpha"], in: .runtime, statesItsInputsGrid: true,
      quantized: {
        let slope = try $0.node.slope()
        try $0.qLinearLookUp(.leakyRelu, slope: slope, FloatGraph.LeakyRelu(slope: slope))
      }),
    TFLiteRow(
      .leakyRelu, float: { try $0.elementwise(.leakyRelu(slope: $0.node.slope())) },
      integer: {
        let slope = try $0.node.slope()
        try $0.lookUp(
          .leakyRelu, slope: slope, rule: "the scales have a ratio that is too large",
          real: FloatGraph.LeakyRelu(slope: slope).value(at:))
      }))
}

extension ImportNode {
  fileprivate func slope() throws(ImportError) -> Float {
    let slope = try number("alpha") ?? 0.01
    try require(slope.isFinite, "alpha is \(slope)")
    return slope
  }
}

extension TFLiteNode {
  fileprivate func slope() throws(ImportError) -> Float {
    let slope = try float(TFLite.Options.LeakyRelu.alpha, default: 0)
    try require(slope.isFinite, "alpha is \(slope)")
    return slope
  }
}
