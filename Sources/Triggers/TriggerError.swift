/// A trigger that cannot be understood or cannot be applied.
public enum TriggerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The string is not a trigger's.
  case malformed(text: String, rule: String)
  /// The trigger does not go with these images.
  case unfit(rule: String)

  public var description: String {
    switch self {
    case .malformed(let text, let rule): "trigger \"\(text)\": \(rule)"
    case .unfit(let rule): rule
    }
  }
}
