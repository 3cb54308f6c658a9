/// Why an operation cannot be made of the numbers given. Who builds a program tells the rule in its
/// own words, with the name of the layer or node.
public enum BuildError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A ratio of scales, of one channel where each has its own, that no multiplier stands for.
  case ratio(Double, channel: Int?)
  /// The common scale of an addition's inputs over its output's: 2²⁰ is too much.
  case sumRatio(Double)
  /// An extent that does not repeat to another one.
  case extent([Int], repeatedTo: [Int])

  public var description: String {
    switch self {
    case .ratio(let ratio, let channel):
      "a ratio of scales of \(ratio)" + (channel.map { " in channel \($0)" } ?? "")
    case .sumRatio(let ratio): "inputs of an addition whose scale is \(ratio) times the output's"
    case .extent(let own, let wanted): "\(own) cannot be repeated to \(wanted)"
    }
  }
}
