/// A key, an envelope or a signature that is malformed. That a signature is another's is no error: it is
/// what verification answers.
public struct AttestationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The rule that is broken.
  public let rule: String

  init(_ rule: String) { self.rule = rule }

  /// The rule.
  public var description: String { rule }
}
