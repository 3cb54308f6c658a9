import Foundation

/// In JSON: `kind`, `channels`, `height`, `width`, and `mask` and `pattern` in base64.
extension LearnedTrigger: Codable {
  private struct Stored: Codable {
    let kind: Kind
    let channels, height, width: Int
    let mask, pattern: Data
  }

  /// - Throws: `DecodingError`, and `TriggerError.unfit` as the other initializer does.
  public init(from decoder: any Decoder) throws {
    let stored = try Stored(from: decoder)
    try self.init(
      kind: stored.kind, channels: stored.channels, height: stored.height, width: stored.width,
      mask: Array(stored.mask), pattern: Array(stored.pattern))
  }

  public func encode(to encoder: any Encoder) throws {
    let stored = Stored(
      kind: kind, channels: channels, height: height, width: width, mask: Data(mask),
      pattern: Data(pattern))
    try stored.encode(to: encoder)
  }
}
