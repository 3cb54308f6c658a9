import CupelAudit
import CupelAuditReports
import Foundation

/// Checks a document against a schema of JSON Schema 2020-12, the part of it that Cupel's own schemas use.
/// A keyword that is not understood is an error, so that none is silently passed over.
struct JSONSchema {
  private let root: JSONValue

  init(_ url: URL) throws {
    root = try JSONDecoder().decode(JSONValue.self, from: Data(contentsOf: url))
  }

  private static let notes: Set = ["$schema", "$id", "$defs", "title", "description"]

  /// What is wrong, a line each; none for a valid document.
  func errors(in document: JSONValue) -> [String] { errors(document, root, at: "") }

  private func errors(_ value: JSONValue, _ schema: JSONValue, at place: String) -> [String] {
    guard case .object(let keywords) = schema else { return ["\(place): no schema"] }
    return keywords.sorted { $0.key < $1.key }.flatMap { keyword, rule -> [String] in
      let found = check(value, keyword, rule, in: keywords, at: place)
      return found.map { $0.hasPrefix("/") ? $0 : "\(place.isEmpty ? "/" : place): \($0)" }
    }
  }

  private func check(
    _ value: JSONValue, _ keyword: String, _ rule: JSONValue, in schema: [String: JSONValue],
    at place: String
  ) -> [String] {
    switch (keyword, rule) {
    case ("$ref", .string(let name)):
      let path = name.dropFirst(2).replacingOccurrences(of: "/", with: ".")
      guard name.hasPrefix("#/"), let target = root.at(path) else { return ["no \(name)"] }
      return errors(value, target, at: place)
    case ("anyOf", .array(let choices)):
      return choices.contains { errors(value, $0, at: place).isEmpty } ? [] : ["none of anyOf"]
    case ("type", .string): return value.isOf([rule]) ? [] : ["not of type \(rule)"]
    case ("type", .array(let types)): return value.isOf(types) ? [] : ["not of types \(types)"]
    case ("enum", .array(let values)): return values.contains(value) ? [] : ["not in enum"]
    case ("minimum", _): return compare(value, rule) { $0 >= $1 } ? [] : ["below the minimum"]
    case ("maximum", _): return compare(value, rule) { $0 <= $1 } ? [] : ["above the maximum"]
    case ("minItems", _), ("maxItems", _):
      guard case .array(let elements) = value, let bound = rule.real else { return [] }
      let count = Double(elements.count)
      return (keyword == "minItems" ? count >= bound : count <= bound) ? [] : ["\(keyword)"]
    case ("items", _):
      guard case .array(let elements) = value else { return [] }
      return elements.enumerated().flatMap { errors($1, rule, at: "\(place)/\($0)") }
    case ("properties", .object(let members)):
      guard case .object(let own) = value else { return [] }
      return members.flatMap { key, schema in
        own[key].map { errors($0, schema, at: "\(place)/\(key)") } ?? []
      }
    case ("required", .array(let keys)):
      guard case .object(let own) = value else { return [] }
      return keys.compactMap { key in
        guard case .string(let name) = key else { return "required holds no text" }
        return own[name] == nil ? "\(name) is missing" : nil
      }
    case ("additionalProperties", .boolean(false)):
      guard case .object(let own) = value, case .object(let known)? = schema["properties"]
      else { return [] }
      return own.keys.filter { known[$0] == nil }.map { "\($0) is unknown" }
    case ("pattern", .string(let pattern)):
      guard case .string(let text) = value else { return [] }
      return text.range(of: pattern, options: .regularExpression) != nil ? [] : ["pattern"]
    case ("contentEncoding", .string("base64")):
      guard case .string(let text) = value else { return [] }
      return Data(base64Encoded: text) != nil ? [] : ["not base64"]
    default:
      return Self.notes.contains(keyword) ? [] : ["keyword \(keyword) is not understood"]
    }
  }

  private func compare(
    _ value: JSONValue, _ bound: JSONValue, by holds: (Double, Double) -> Bool
  ) -> Bool {
    guard let value = value.real, let bound = bound.real else { return true }
    return holds(value, bound)
  }
}

extension JSONValue {
  /// A number's value.
  var real: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .unsigned(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }

  fileprivate func isOf(_ types: [JSONValue]) -> Bool {
    let own: [JSONValue] =
      switch self {
      case .object: ["object"]
      case .array: ["array"]
      case .string: ["string"]
      case .integer, .unsigned: ["integer", "number"]
      case .number: ["number"]
      case .boolean: ["boolean"]
      case .null: ["null"]
      }
    return own.contains { types.contains($0) }
  }
}
