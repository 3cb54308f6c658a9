import OnnxSchema

/// The operators that quantize or work on quantized values, by ONNX's names and, in the domain
/// com.microsoft, ONNX Runtime's; every other one is known or not to the float converter's table.
enum QuantizedOperatorTable {
  private enum Kind: String {
    case quantize = "QuantizeLinear"
    case dequantize = "DequantizeLinear"
    case qLinearConv = "QLinearConv"
    case qLinearMatMul = "QLinearMatMul"
    case qGemm = "QGemm"
    case qLinearAdd = "QLinearAdd"
    case qLinearAveragePool = "QLinearAveragePool"
    case qLinearGlobalAveragePool = "QLinearGlobalAveragePool"
    case qLinearConcat = "QLinearConcat"

    /// Whether ONNX's own domain has it; the others are ONNX Runtime's.
    var isStandard: Bool {
      switch self {
      case .quantize, .dequantize, .qLinearConv, .qLinearMatMul: true
      default: false
      }
    }
  }

  private static let runtimeDomain = "com.microsoft"

  private static func kind(_ node: ImportNode) -> Kind? {
    guard let kind = Kind(rawValue: node.type) else { return nil }
    let isStandard = OperatorTable.isOwnDomain(node.domain) && kind.isStandard
    // ONNX Runtime has Quantize- and DequantizeLinear of its own, with the same meaning.
    let isRuntimes =
      node.domain == runtimeDomain && kind != .qLinearConv && kind != .qLinearMatMul
    return isStandard || isRuntimes ? kind : nil
  }

  /// Whether a model is quantized: whether any node says so.
  static func isQuantized(_ model: OnnxModel) -> Bool {
    model.graph.nodes.contains { node in
      Kind(rawValue: node.operatorType) != nil
        || ["ConvInteger", "MatMulInteger"].contains(node.operatorType)
    }
  }

  /// - Throws: `ImportError.unsupportedOperators` with every node whose operator is not known.
  static func checkTypes(_ nodes: [ImportNode]) throws(ImportError) {
    try OperatorTable.checkTypes(nodes.filter { kind($0) == nil })
  }

  /// Whether inputs 1 and 2 of a node are the scale and zero point of its input 0.
  static func statesItsInputsGrid(_ node: ImportNode) -> Bool {
    switch kind(node) {
    case .dequantize, .qLinearConv, .qLinearMatMul, .qGemm, .qLinearAdd, .qLinearAveragePool,
      .qLinearGlobalAveragePool:
      true
    case .quantize, .qLinearConcat, nil: false
    }
  }

  static func convert(
    _ node: ImportNode, with converter: inout QuantizedOnnxConverter
  ) throws(ImportError) {
    switch kind(node) {
    case .quantize: try converter.quantize(node)
    case .dequantize: try converter.dequantize(node)
    case .qLinearConv: try converter.qLinearConvolution(node)
    case .qLinearMatMul: try converter.qLinearMatMul(node)
    case .qGemm: try converter.qGemm(node)
    case .qLinearAdd: try converter.qLinearAdd(node)
    case .qLinearAveragePool: try converter.qLinearAveragePool(node)
    case .qLinearGlobalAveragePool: try converter.qLinearGlobalAveragePool(node)
    case .qLinearConcat: try converter.qLinearConcat(node)
    case nil:
      switch node.type {
      case "Conv": try converter.convolution(node)
      case "Gemm": try converter.gemm(node)
      case "MatMul": try converter.matMul(node)
      case "Add": try converter.add(node)
      case "Constant": try converter.constant(node)
      default: try converter.delegate(node)
      }
    }
  }
}
