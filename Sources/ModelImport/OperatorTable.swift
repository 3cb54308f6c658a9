/// The operators of ONNX's own domain that are understood, by the names the specification gives.
enum OperatorTable {
  /// Versions of the operator set whose meaning is known.
  static let versions = 7...28

  private enum Kind: String {
    case add = "Add"
    case averagePool = "AveragePool"
    case batchNormalization = "BatchNormalization"
    case cast = "Cast"
    case castLike = "CastLike"
    case clip = "Clip"
    case concat = "Concat"
    case constant = "Constant"
    case constantOfShape = "ConstantOfShape"
    case conv = "Conv"
    case div = "Div"
    case dropout = "Dropout"
    case equal = "Equal"
    case expand = "Expand"
    case flatten = "Flatten"
    case gather = "Gather"
    case gemm = "Gemm"
    case globalAveragePool = "GlobalAveragePool"
    case identity = "Identity"
    case matMul = "MatMul"
    case maxPool = "MaxPool"
    case mul = "Mul"
    case pad = "Pad"
    case range = "Range"
    case reduceMean = "ReduceMean"
    case relu = "Relu"
    case reshape = "Reshape"
    case shape = "Shape"
    case size = "Size"
    case slice = "Slice"
    case softmax = "Softmax"
    case squeeze = "Squeeze"
    case sub = "Sub"
    case transpose = "Transpose"
    case unsqueeze = "Unsqueeze"
    case `where` = "Where"
  }

  static func isOwnDomain(_ domain: String) -> Bool {
    domain.isEmpty || domain == "ai.onnx"
  }

  /// - Throws: `ImportError.unsupportedOperators` with every node whose operator is not known.
  static func checkTypes(_ nodes: [ImportNode]) throws(ImportError) {
    var unknown: [ImportError.UnsupportedOperator] = []
    for node in nodes where !isOwnDomain(node.domain) || Kind(rawValue: node.type) == nil {
      let type = isOwnDomain(node.domain) ? node.type : "\(node.domain).\(node.type)"
      unknown.append(.init(node: node.name, operator: type, form: ""))
    }
    guard unknown.isEmpty else { throw .unsupportedOperators(unknown) }
  }

  /// Converts one node; its first output is what the result is bound to.
  static func convert(
    _ node: ImportNode, with converter: inout OnnxConverter
  ) throws(ImportError) -> OnnxConverter.Binding {
    guard let kind = Kind(rawValue: node.type) else { throw node.unsupported("") }
    switch kind {
    case .add: return try converter.add(node)
    case .averagePool: return try converter.averagePool(node)
    case .batchNormalization: return try converter.batchNormalization(node)
    case .cast: return try converter.cast(node)
    case .castLike: return try converter.castLike(node)
    case .clip: return try converter.clip(node)
    case .concat: return try converter.concatenate(node)
    case .constant: return try converter.constantNode(node)
    case .constantOfShape: return try converter.constantOfShape(node)
    case .conv: return try converter.convolution(node)
    case .div: return try converter.arithmetic(node, .divide)
    case .dropout: return try converter.dropout(node)
    case .equal: return try converter.equal(node)
    case .expand: return try converter.expand(node)
    case .flatten: return try converter.flatten(node)
    case .gather: return try converter.gather(node)
    case .gemm: return try converter.gemm(node)
    case .globalAveragePool: return try converter.globalAveragePool(node)
    case .identity: return try converter.identity(node)
    case .matMul: return try converter.matMul(node)
    case .maxPool: return try converter.maxPool(node)
    case .mul: return try converter.arithmetic(node, .multiply)
    case .pad: return try converter.pad(node)
    case .range: return try converter.range(node)
    case .reduceMean: return try converter.reduceMean(node)
    case .relu: return try converter.relu(node)
    case .reshape: return try converter.reshape(node)
    case .shape: return try converter.shape(node)
    case .size: return try converter.size(node)
    case .slice: return try converter.slice(node)
    case .softmax: return try converter.softmax(node)
    case .squeeze: return try converter.squeeze(node)
    case .sub: return try converter.arithmetic(node, .subtract)
    case .transpose: return try converter.transpose(node)
    case .unsqueeze: return try converter.unsqueeze(node)
    case .where: return try converter.select(node)
    }
  }
}
