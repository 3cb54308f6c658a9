/// Why a float network cannot be turned into integers. Each case names the place and the rule.
public enum QuantizationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The scheme's name is not understood.
  case scheme(String, rule: String)
  /// An operation, or its place in the graph, has no integer form here.
  case unsupported(node: String, rule: String)
  /// Calibration produced nothing usable for a value.
  case calibration(value: String, rule: String)
  /// An accumulator could leave int32.
  case overflow(layer: String, channel: Int, bound: Double)
  /// A scale ratio outside what a Q31 multiplier and shift can hold.
  case ratio(layer: String, ratio: Double)

  public var description: String {
    switch self {
    case .scheme(let name, let rule):
      return "scheme '\(name)': \(rule)"
    case .unsupported(let node, let rule):
      return "node '\(node)': \(rule)"
    case .calibration(let value, let rule):
      return "calibrating '\(value)': \(rule)"
    case .overflow(let layer, let channel, let bound):
      return "layer '\(layer)', output channel \(channel): the accumulator can reach \(bound), "
        + "which is not under 2^31"
    case .ratio(let layer, let ratio):
      return "layer '\(layer)': the scale ratio \(ratio) is outside (2^-32, 2^30)"
    }
  }
}
