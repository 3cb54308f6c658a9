import CupelSupport

/// Why a model file was refused. Every case says where and which rule.
public enum ImportError: Error, Sendable, Equatable {
  /// The file cannot be read at all.
  case unreadable(path: String, reason: String)
  /// Not a well-formed file of its format: byte offset of the part that breaks the rule.
  case malformed(offset: Int, rule: String)
  /// The model as a whole is of a kind that is not supported.
  case unsupportedModel(rule: String)
  /// All operators, or forms of operators, that are not supported.
  case unsupportedOperators([UnsupportedOperator])
  /// A tensor stored in the file breaks a rule.
  case invalidTensor(name: String, rule: String)
  /// A node breaks a rule: a shape that does not fit, a bad attribute, a NaN weight.
  case invalidNode(node: String, operator: String, rule: String)
  /// A name that no initializer, input or node provides.
  case undefinedValue(node: String, operator: String, value: String)
  /// Nodes that depend on themselves.
  case cycle(nodes: [String])

  /// One node that uses something unsupported.
  public struct UnsupportedOperator: Sendable, Equatable {
    /// The node's name, or what stands for it where the file names none.
    public let node: String
    /// With its domain, where that is not ONNX's own.
    public let `operator`: String
    /// Empty where the operator as such is unknown.
    public let form: String

    /// What a node uses that is not supported.
    public init(node: String, operator: String, form: String) {
      self.node = node
      self.operator = `operator`
      self.form = form
    }
  }
}

extension ImportError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      return "cannot read \(printable(path, limit: 1024)): \(reason)"
    case .malformed(let offset, let rule): return "malformed file at byte \(offset): \(rule)"
    case .unsupportedModel(let rule): return "unsupported model: \(rule)"
    case .unsupportedOperators(let list): return Self.describe(list)
    case .invalidTensor(let name, let rule): return "tensor '\(printable(name))': \(rule)"
    case .invalidNode(let node, let type, let rule): return Self.place(node, type) + rule
    case .undefinedValue(let node, let type, let value):
      return Self.place(node, type)
        + "'\(printable(value))' is neither an initializer, nor the input, nor computed by any node"
    case .cycle(let nodes):
      let names = nodes.prefix(8).map { "'\(printable($0))'" }.joined(separator: ", ")
      return "cycle: nodes \(names)\(nodes.count > 8 ? ", …" : "") depend on themselves"
    }
  }

  private static func place(_ node: String, _ type: String) -> String {
    "node '\(printable(node))' (\(printable(type))): "
  }

  private static func describe(_ list: [UnsupportedOperator]) -> String {
    var order: [String] = []
    var nodes: [String: [String]] = [:]
    for item in list {
      let form = item.form.isEmpty ? "" : " (\(item.form))"
      let key = printable(item.operator) + form
      if nodes[key] == nil { order.append(key) }
      nodes[key, default: []].append("'\(printable(item.node))'")
    }
    let parts = order.map { key in
      let names = nodes[key] ?? []
      return "\(key) at \(names.prefix(3).joined(separator: ", "))"
        + (names.count > 3 ? " and \(names.count - 3) more" : "")
    }
    return "unsupported operators: " + parts.joined(separator: "; ")
  }
}
