/// Why an audit cannot be made. Each case names the place and the rule.
public enum AuditError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A catalogue that cannot be understood.
  case catalogue(path: String, rule: String)
  /// Images and model do not fit.
  case data(rule: String)
  /// A file is no report that is understood.
  case report(rule: String)
  /// A data file of the decision rule is none.
  case rule(rule: String)
  /// The target class does not exist.
  case target(Int, classes: Int)

  /// In one line, with the place and the rule.
  public var description: String {
    switch self {
    case .catalogue(let path, let rule): "catalogue '\(path)': \(rule)"
    case .data(let rule): "data set: \(rule)"
    case .report(let rule): "report: \(rule)"
    case .rule(let rule): "decision rule: \(rule)"
    case .target(let target, let classes):
      "target class \(target): the model has classes 0 to \(classes - 1)"
    }
  }
}
