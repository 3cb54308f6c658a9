import CupelAudit
import CupelSupport
import Foundation

/// The JSON that Cupel writes: sorted keys, indented, with a newline at its end.
package enum JSONText {
  package static func bytes(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try Array(encoder.encode(value)) + [10]
  }

  package static func write(_ value: some Encodable, to path: String) throws {
    try AtomicFile.write(bytes(value), to: path)
  }
}

extension AuditReport {
  /// The report as `cupel audit --json` writes it, UTF-8.
  ///
  /// - Throws: `EncodingError` where a figure is not finite.
  public func json() throws -> [UInt8] { try JSONText.bytes(self) }
}

extension DetectionReport {
  /// The report as `cupel audit --json` writes it, UTF-8.
  ///
  /// - Throws: `EncodingError` where a figure is not finite.
  public func json() throws -> [UInt8] { try JSONText.bytes(self) }
}
