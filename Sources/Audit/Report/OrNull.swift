/// A member of a report that is null in JSON where it has no value. The synthesized form leaves such a
/// key out, and a reader of a report should find every key.
@propertyWrapper
public struct OrNull<Value> {
  /// The value, if there is one.
  public var wrappedValue: Value?

  /// - Parameter wrappedValue: nil for none.
  public init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }
}

extension OrNull: Encodable where Value: Encodable {
  /// Writes the value, or null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}

extension OrNull: Decodable where Value: Decodable {
  /// Reads a value or null; a key that is missing is an error.
  public init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Value?.self)
  }
}

extension OrNull: Equatable where Value: Equatable {}
extension OrNull: Sendable where Value: Sendable {}
