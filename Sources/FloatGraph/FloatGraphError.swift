/// A graph, a node or an input that breaks a rule.
public struct FloatGraphError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The node's name as the file has it; nil where the rule concerns the whole graph or its input.
  public let node: String?
  /// The rule that was broken, with the numbers that break it.
  public let rule: String

  /// A broken rule, and the node that breaks it.
  public init(node: String?, rule: String) {
    (self.node, self.rule) = (node, rule)
  }

  /// The node, where there is one, and the rule.
  public var description: String {
    guard let node else { return rule }
    return "node '\(node)': \(rule)"
  }
}

/// A broken rule before it is known which node it belongs to.
public struct RuleViolation: Error {
  /// The rule that was broken, with the numbers that break it.
  public let rule: String

  /// A broken rule.
  public init(_ rule: String) {
    self.rule = rule
  }
}
