/// Why a float model cannot be tuned.
public enum FineTuningError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Images or labels that do not fit the network or each other.
  case data(rule: String)
  /// Settings outside their range.
  case settings(rule: String)
  /// A network that a method does not understand.
  case unsupported(rule: String)
  /// The loss is no longer a finite number.
  case diverged(stage: String, epoch: Int)

  public var description: String {
    switch self {
    case .data(let rule): "training data: \(rule)"
    case .settings(let rule): "training settings: \(rule)"
    case .unsupported(let rule): "network: \(rule)"
    case .diverged(let stage, let epoch):
      "\(stage): the loss is not finite in epoch \(epoch + 1); a lower learning rate may help"
    }
  }
}
