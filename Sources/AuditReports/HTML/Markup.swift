import Foundation

/// HTML or SVG. Text that is interpolated is escaped; only other markup goes in as it is. So what came
/// from a file cannot become markup by being forgotten somewhere.
package struct Markup: Sendable, ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
  package private(set) var text: String

  /// Characters of one piece of text, at most: names come from files and may be of any length.
  private static let longest = 2000

  package init(stringLiteral text: String) { self.text = text }

  package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

  private init(raw: String) { text = raw }

  /// Base64, which has no character that means anything in markup. Anything else becomes nothing.
  init(base64: String) {
    let isBase64 = base64.utf8.allSatisfy { $0.isLetterOrDigit || "+/=".utf8.contains($0) }
    text = isBase64 ? base64 : ""
  }

  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var text: String

    package init(literalCapacity: Int, interpolationCount: Int) {
      text = ""
      text.reserveCapacity(literalCapacity + 16 * interpolationCount)
    }

    package mutating func appendLiteral(_ literal: String) { text += literal }
    package mutating func appendInterpolation(_ value: String) { text += Markup.escaped(value) }
    package mutating func appendInterpolation(_ value: Markup) { text += value.text }
    package mutating func appendInterpolation(_ value: some FixedWidthInteger) {
      text += String(value)
    }
    /// A coordinate, to a hundredth.
    package mutating func appendInterpolation(_ value: Double) { text += Markup.coordinate(value) }
  }

  package static func + (one: Markup, other: Markup) -> Markup {
    Markup(raw: one.text + other.text)
  }

  /// Text outside and inside of quoted attributes. Control characters and those that turn the
  /// direction of writing are replaced.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(longest) {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
          .unassigned:
          result.unicodeScalars.append("\u{FFFD}")
        default: result.unicodeScalars.append(scalar)
        }
      }
    }
    return text.unicodeScalars.count > longest ? result + "…" : result
  }

  private static func coordinate(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    let text = String(format: "%.2f", value)
    return text.hasSuffix(".00") ? String(text.dropLast(3)) : text
  }
}

extension Sequence<Markup> {
  /// One after the other, a line each.
  package func joined() -> Markup { reduce("") { "\($0)\($1)\n" } }
}
