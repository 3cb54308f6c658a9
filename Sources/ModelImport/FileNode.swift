/// A node of a file, which names itself in errors.
protocol FileNode {
  /// Its own name, or what stands for one.
  var name: String { get }
  /// Its operator's.
  var type: String { get }
}

extension FileNode {
  /// The node breaks a rule.
  func error(_ rule: String) -> ImportError { .invalidNode(node: name, operator: type, rule: rule) }

  /// The operator is known, but not in this form.
  func unsupported(_ form: String) -> ImportError {
    .unsupportedOperators([.init(node: name, operator: type, form: form)])
  }

  /// - Throws: `error` with the rule that is broken where the condition is not met.
  func require(_ isMet: Bool, _ rule: @autoclosure () -> String) throws(ImportError) {
    if !isMet { throw error(rule()) }
  }

  /// - Throws: `unsupported` with the node's form where the condition is not met.
  func support(_ isMet: Bool, _ form: @autoclosure () -> String) throws(ImportError) {
    if !isMet { throw unsupported(form()) }
  }
}
