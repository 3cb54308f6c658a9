import Foundation

/// A block of RFC 7468: a label, and bytes in base64.
struct PEM: Equatable {
  var label: String
  var bytes: [UInt8]

  /// Characters of a line.
  private static let width = 64

  init(label: String, bytes: [UInt8]) { (self.label, self.bytes) = (label, bytes) }

  /// The only block of a text.
  ///
  /// - Throws: `AttestationError` where there is none, several, or one that is malformed.
  init(_ text: String) throws(AttestationError) {
    let lines = text.split(whereSeparator: \.isNewline).map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    let begins = lines.indices.filter { lines[$0].hasPrefix("-----BEGIN ") }
    guard let begin = begins.first, begins.count == 1, lines[begin].hasSuffix("-----") else {
      throw AttestationError("it is not one PEM block: -----BEGIN …-----")
    }
    label = String(lines[begin].dropFirst(11).dropLast(5))
    guard let end = lines.firstIndex(of: "-----END \(label)-----"), end > begin else {
      throw AttestationError("its PEM block has no end: -----END \(label)-----")
    }
    guard let bytes = Base64.bytes(lines[(begin + 1)..<end].joined()) else {
      throw AttestationError("its PEM block is no base64")
    }
    self.bytes = bytes
  }

  /// With lines of 64 characters and a newline at its end.
  var text: String {
    var rest = Substring(Data(bytes).base64EncodedString())
    var lines = ["-----BEGIN \(label)-----"]
    while !rest.isEmpty {
      lines.append(String(rest.prefix(Self.width)))
      rest = rest.dropFirst(Self.width)
    }
    lines.append("-----END \(label)-----")
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Base64 of RFC 4648, where one text alone stands for some bytes.
enum Base64 {
  /// - Returns: nil for what is no base64, or not the text that `text` would give. Also takes the
  ///   alphabet for addresses, which DSSE allows.
  static func bytes(_ text: String) -> [UInt8]? {
    let plain = text.replacing("-", with: "+").replacing("_", with: "/")
    guard let data = Data(base64Encoded: plain), data.base64EncodedString() == plain else {
      return nil
    }
    return Array(data)
  }

  static func text(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }
}
