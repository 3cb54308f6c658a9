/// An operator of ONNX files: which attributes a node of it may have, and who converts it.
struct OnnxRow: Sendable {
  /// Whose operator sets have it.
  enum Domain: Sendable {
    case onnx
    /// ONNX Runtime's.
    case runtime
    /// ONNX Runtime has its own, of the same meaning.
    case both

    func contains(_ name: String) -> Bool {
      switch self {
      case .onnx: OnnxRow.isOwnDomain(name)
      case .runtime: name == "com.microsoft"
      case .both: OnnxRow.isOwnDomain(name) || name == "com.microsoft"
      }
    }
  }

  /// The specification's name.
  let type: String
  let domain: Domain
  /// Any other could change the operator's meaning and is refused.
  let attributes: Set<String>
  /// In a float model; nil for operators that only quantized models have.
  let float: RowHandler<OnnxConverter, ImportNode, OnnxConverter.Binding>?
  /// In a model that quantizes itself; nil where the float converter's word is enough, and the
  /// operator is unknown on quantized values.
  let quantized: RowHandler<QuantizedOnnxConverter, ImportNode, Void>?
  /// Whether a model that has it quantizes itself.
  let marksQuantization: Bool
  /// Whether inputs 1 and 2 are the scale and zero point of input 0.
  let statesItsInputsGrid: Bool

  /// An operator on real numbers, between quantizations too.
  init(
    _ type: String, _ attributes: Set<String> = [],
    float: @escaping RowClosure<OnnxConverter, ImportNode, OnnxConverter.Binding>,
    quantized: RowClosure<QuantizedOnnxConverter, ImportNode, Void>? = nil
  ) {
    self.type = type
    domain = .onnx
    self.attributes = attributes
    self.float = rowHandler(float)
    self.quantized = quantized.map { rowHandler($0) }
    marksQuantization = false
    statesItsInputsGrid = false
  }

  /// An operator that quantizes, or works on integers. Without a handler it is only recognized.
  init(
    quantized type: String, _ domain: Domain, _ attributes: Set<String> = [],
    statesItsInputsGrid: Bool = false,
    handler: RowClosure<QuantizedOnnxConverter, ImportNode, Void>? = nil
  ) {
    self.type = type
    self.domain = domain
    self.attributes = attributes
    float = nil
    quantized = handler.map { rowHandler($0) }
    marksQuantization = true
    self.statesItsInputsGrid = statesItsInputsGrid
  }

  static func isOwnDomain(_ domain: String) -> Bool {
    domain.isEmpty || domain == "ai.onnx"
  }

  /// The row of a node's operator; nil for one that is not known.
  static func row(of node: ImportNode) -> OnnxRow? {
    guard let row = OperatorRows.onnx[node.type], row.domain.contains(node.domain) else {
      return nil
    }
    return row
  }

  /// Refuses nodes whose operator has no handler.
  ///
  /// - Parameter isQuantized: whether operators of quantized models count.
  /// - Throws: `ImportError.unsupportedOperators` with all of them.
  static func checkTypes(_ nodes: [ImportNode], isQuantized: Bool) throws(ImportError) {
    var unknown: [ImportError.UnsupportedOperator] = []
    for node in nodes {
      let row = row(of: node)
      if row?.float != nil || (isQuantized && row?.quantized != nil) { continue }
      let type = isOwnDomain(node.domain) ? node.type : "\(node.domain).\(node.type)"
      unknown.append(.init(node: node.name, operator: type, form: ""))
    }
    guard unknown.isEmpty else { throw .unsupportedOperators(unknown) }
  }
}

extension OnnxModel {
  /// Whether any node says that the model quantizes itself.
  var isQuantized: Bool {
    graph.nodes.contains { OperatorRows.onnx[$0.operatorType]?.marksQuantization ?? false }
  }
}
