import Foundation

/// In JSON: `kind`, `channels`, `height`, `width`, and `mask` and `pattern` in base64.
extension LearnedTrigger: Codable {
  private enum Key: String, CodingKey {
    case kind, channels, height, width, mask, pattern
  }

  /// - Throws: `DecodingError`, and `TriggerError.unfit` as the other initializer does.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    try self.init(
      kind: try values.decode(Kind.self, forKey: .kind),
      channels: try values.decode(Int.self, forKey: .channels),
      height: try values.decode(Int.self, forKey: .height),
      width: try values.decode(Int.self, forKey: .width),
      mask: Array(try values.decode(Data.self, forKey: .mask)),
      pattern: Array(try values.decode(Data.self, forKey: .pattern)))
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(kind, forKey: .kind)
    try values.encode(channels, forKey: .channels)
    try values.encode(height, forKey: .height)
    try values.encode(width, forKey: .width)
    try values.encode(Data(mask), forKey: .mask)
    try values.encode(Data(pattern), forKey: .pattern)
  }
}
