import CupelQuantization

/// The scheme that a deployment is reported under: `w8a8` where it is known, `w8a8?` where the file
/// does not say it and its bits suggest it, and otherwise the file's own words.
public enum StatedScheme: Sendable, Hashable {
  /// A scheme that was used, or that the file states.
  case known(Scheme)
  /// The file states no scheme; this one has its bits.
  case presumed(Scheme)
  /// A text out of a file that is no scheme's name.
  case other(String)

  /// Of a file that says nothing.
  public static let unknown = StatedScheme.other("unknown")
}

extension StatedScheme: RawRepresentable, Codable, CustomStringConvertible {
  /// - Parameter text: of any form; what is no scheme's own name stays as it is.
  public init(rawValue text: String) {
    if let scheme = Self.scheme(text) {
      self = .known(scheme)
    } else if text.hasSuffix("?"), let scheme = Self.scheme(String(text.dropLast())) {
      self = .presumed(scheme)
    } else {
      self = .other(text)
    }
  }

  /// As reports write it.
  public var rawValue: String {
    switch self {
    case .known(let scheme): scheme.description
    case .presumed(let scheme): "\(scheme)?"
    case .other(let text): text
    }
  }

  /// As reports write it.
  public var description: String { rawValue }

  /// The scheme whose canonical name a text is.
  private static func scheme(_ text: String) -> Scheme? {
    guard let scheme = try? Scheme(text), scheme.description == text else { return nil }
    return scheme
  }
}
