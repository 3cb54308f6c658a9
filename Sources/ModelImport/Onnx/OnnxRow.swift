import CupelOnnxSchema

/// An operator of ONNX files: which attributes a node of it may have, and who converts it.
struct OnnxRow: OperatorRow {
  /// Whose operator sets have it.
  struct Domain: Sendable {
    let names: Set<String>

    static let onnx = Domain(names: ["", "ai.onnx"])
    /// ONNX Runtime's.
    static let runtime = Domain(names: ["com.microsoft"])
    /// Of classical models.
    static let machineLearning = Domain(names: ["ai.onnx.ml"])
    /// ONNX Runtime has its own, of the same meaning.
    static let both = Domain(names: onnx.names.union(runtime.names))
  }

  typealias FloatHandler = RowHandler<OnnxConverter, OnnxConverter.Binding>
  typealias QuantizedHandler = RowHandler<QuantizedOnnxConverter, Void>

  /// The specification's name.
  let type: String
  /// Any other could change the operator's meaning and is refused.
  let attributes: Set<String>
  let domain: Domain
  /// Whether inputs 1 and 2 are the scale and zero point of input 0.
  let statesItsInputsGrid: Bool
  /// Whether the batch's axis may be anywhere in what it gives: it moves that axis, or takes each
  /// element by itself.
  let anyBatchPlace: Bool
  /// In a float model; nil for operators that only models have that quantize themselves.
  let float: FloatHandler?
  /// In a model that quantizes itself; nil where the operator is understood on constants only, or
  /// gives its input another name.
  let quantized: QuantizedHandler?

  init(
    _ type: String, _ attributes: Set<String> = [], in domain: Domain = .onnx,
    statesItsInputsGrid: Bool = false, anyBatchPlace: Bool = false, float: FloatHandler? = nil,
    quantized: QuantizedHandler? = nil
  ) {
    (self.type, self.attributes, self.domain) = (type, attributes, domain)
    self.statesItsInputsGrid = statesItsInputsGrid
    self.anyBatchPlace = anyBatchPlace
    (self.float, self.quantized) = (float, quantized)
  }

  static func isOwnDomain(_ domain: String) -> Bool { Domain.onnx.names.contains(domain) }

  /// The row of a node's operator; nil for one that is not known.
  static func row(of node: ImportNode) -> OnnxRow? {
    guard let row = OperatorRows.onnx[node.type], row.domain.names.contains(node.domain) else {
      return nil
    }
    return row
  }

  /// Nodes whose operator has no handler, by their places.
  ///
  /// - Parameter isQuantized: whether operators of quantized models count.
  static func unknownTypes(
    _ nodes: [ImportNode], isQuantized: Bool
  ) -> [Int: ImportError.UnsupportedOperator] {
    var unknown: [Int: ImportError.UnsupportedOperator] = [:]
    for (index, node) in nodes.enumerated() {
      let row = row(of: node)
      if row?.float != nil || (isQuantized && row?.quantized != nil) { continue }
      let type = isOwnDomain(node.domain) ? node.type : "\(node.domain).\(node.type)"
      unknown[index] = .init(
        node: node.name, operator: type, form: ForeignOperator.whatItIs(node) ?? "")
    }
    return unknown
  }
}

/// Operators that only the tool that wrote them can run.
private enum ForeignOperator {
  /// Nodes that a compiler for one chip puts in the place of ONNX's.
  private static let ofCompilers: Set = [
    "RequantShift", "TrueIntegerDiv",
  ]

  /// Their integer forms of functions are called iGELU, iSoftmax, iLayerNorm and the like.
  private static func isIntegerForm(_ type: String) -> Bool {
    type.first == "i" && type.dropFirst().first?.isUppercase == true
  }

  static func whatItIs(_ node: ImportNode) -> String? {
    if ofCompilers.contains(node.type) || isIntegerForm(node.type) {
      return "a quantizing compiler's own node; import the model that it was made of"
    }
    if node.domain.contains("finn") && !node.domain.hasSuffix("general") {
      return "a node of FINN's for one chip; import the model that it was made of"
    }
    if node.domain.hasPrefix("onnx.brevitas") || node.domain.hasPrefix("finn.")
      || node.domain.hasPrefix("qonnx")
    {
      return "QONNX's; export with QuantizeLinear and DequantizeLinear"
    }
    return node.domain == "ai.onnx.ml" ? "no layer of a neural network" : nil
  }
}

extension OnnxModel {
  /// Whether any node says that the model quantizes itself.
  var isQuantized: Bool {
    graph.nodes.contains { node in
      OperatorRows.onnx[node.operatorType].map { $0.float == nil } ?? false
    }
  }
}
