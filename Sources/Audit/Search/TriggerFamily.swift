import CupelTriggers

/// What kinds of triggers an audit looks for, cheapest first.
public enum TriggerFamily: String, Sendable, Codable, CaseIterable {
  /// Rectangles of one fill, found by asking.
  case rectangle
  /// Sinusoids over the whole image, found by asking.
  case wave
  /// A mask and a pattern, every pixel free: patches of any place, size and shape, found by gradients,
  /// as all that follow.
  case patch
  /// A pattern added to every image, of low norm.
  case additive
  /// One image blended into every image.
  case blend
  /// A smooth displacement of pixels.
  case warp

  /// Those that ask the models themselves.
  public static let scanned = allCases.filter { $0.learnedKind == nil }
  /// Those that go by gradients.
  public static let byGradient = allCases.filter { $0.learnedKind != nil }

  /// Whether one that works in float is a backdoor. Honest models give way to a strong wave as well.
  var showsAwake: Bool { self == .rectangle }

  /// Whether it needs more than answers.
  public var needsPlan: Bool { learnedKind != nil }

  /// Which random stream a search of this family draws from. A number stays with its family for good:
  /// another one would find other triggers with the same seed.
  package var stream: UInt64 {
    let number: UInt64 =
      switch self {
      case .rectangle: 0
      case .wave: 1
      case .patch: 2
      case .additive: 3
      case .blend: 4
      case .warp: 5
      }
    return 0x5452_4947 + number
  }

  /// What gradients move; nil for families that are found by asking.
  var learnedKind: LearnedTrigger.Kind? {
    switch self {
    case .rectangle, .wave: nil
    case .patch: .patch
    case .additive: .additive
    case .blend: .blend
    case .warp: .warp
    }
  }
}
