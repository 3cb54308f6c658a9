/// How a deployment's weights were rounded, as far as anybody says.
public enum StatedRounding: Sendable, Hashable {
  /// Every weight at the nearest integer.
  case nearest
  /// A text out of a file, such as the purification method that made it.
  case other(String)
  /// The file says nothing.
  case unknown
}

extension StatedRounding: RawRepresentable, Codable, CustomStringConvertible {
  /// - Parameter text: of any form.
  public init(rawValue text: String) {
    switch text {
    case "nearest": self = .nearest
    case "unknown": self = .unknown
    default: self = .other(text)
    }
  }

  /// As reports write it.
  public var rawValue: String {
    switch self {
    case .nearest: "nearest"
    case .other(let text): text
    case .unknown: "unknown"
    }
  }

  /// As reports write it.
  public var description: String { rawValue }
}
