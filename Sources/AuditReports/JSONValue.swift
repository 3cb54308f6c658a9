import Foundation

/// A piece of JSON whose form a standard decides, written down as it will look.
package indirect enum JSONValue: Sendable, Equatable {
  case object([String: JSONValue])
  case array([JSONValue])
  case string(String)
  case integer(Int)
  /// A whole number beyond `Int.max`, such as a seed may be.
  case unsigned(UInt64)
  case number(Double)
  case boolean(Bool)
  case null

  /// An object's member, or nil.
  package subscript(_ key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  /// A whole number of 64 bits, exactly.
  package init(_ number: UInt64) {
    self = Int(exactly: number).map(JSONValue.integer) ?? .unsigned(number)
  }

  /// An interval as [low, high].
  package init(_ interval: ClosedRange<Double>) {
    self = [.number(interval.lowerBound), .number(interval.upperBound)]
  }

  /// An object of the members that have a value.
  static func present(_ members: [String: JSONValue?]) -> JSONValue {
    .object(members.compactMapValues { $0 })
  }
}

extension JSONValue {
  /// What a value is written as.
  ///
  /// - Throws: `EncodingError` for a number that JSON cannot hold.
  package init(encoding value: some Encodable) throws {
    self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
  }

  /// A value that holds no others, and where it stands.
  package struct Leaf: Sendable, Equatable {
    /// Such as `deployments[0].searches[1].differentialASR`.
    package var place: String
    package var value: JSONValue

    /// As text; empty for null.
    package var text: String {
      switch value {
      case .string(let text): text
      case .integer(let number): String(number)
      case .unsigned(let number): String(number)
      case .number(let number): "\(number)"
      case .boolean(let truth): String(truth)
      case .null: ""
      case .object: "{}"
      case .array: "[]"
      }
    }
  }

  /// All leaves, members by their names and elements in their order; what is empty is one itself.
  package var leaves: [Leaf] { leaves(at: "") }

  private func leaves(at place: String) -> [Leaf] {
    switch self {
    case .object(let members) where !members.isEmpty:
      members.sorted { $0.key < $1.key }.flatMap { key, value in
        value.leaves(at: place.isEmpty ? key : "\(place).\(key)")
      }
    case .array(let elements) where !elements.isEmpty:
      elements.enumerated().flatMap { $1.leaves(at: "\(place)[\($0)]") }
    default: [Leaf(place: place, value: self)]
    }
  }
}

extension JSONValue: Codable {
  package init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .null
    } else if let found = try? value.decode(Bool.self) {
      self = .boolean(found)
    } else if let found = try? value.decode(Int.self) {
      self = .integer(found)
    } else if let found = try? value.decode(UInt64.self) {
      self = .unsigned(found)
    } else if let found = try? value.decode(Double.self) {
      self = .number(found)
    } else if let found = try? value.decode(String.self) {
      self = .string(found)
    } else if let found = try? value.decode([JSONValue].self) {
      self = .array(found)
    } else {
      self = .object(try value.decode([String: JSONValue].self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .object(let members): try container.encode(members)
    case .array(let elements): try container.encode(elements)
    case .string(let text): try container.encode(text)
    case .integer(let number): try container.encode(number)
    case .unsigned(let number): try container.encode(number)
    case .number(let number): try container.encode(number)
    case .boolean(let truth): try container.encode(truth)
    case .null: try container.encodeNil()
    }
  }
}

extension JSONValue: ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral
{
  package init(stringLiteral text: String) { self = .string(text) }
  package init(integerLiteral number: Int) { self = .integer(number) }
  package init(floatLiteral number: Double) { self = .number(number) }
  package init(booleanLiteral truth: Bool) { self = .boolean(truth) }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral members: (String, JSONValue)...) {
    self = .object(Dictionary(members) { _, last in last })
  }
}
