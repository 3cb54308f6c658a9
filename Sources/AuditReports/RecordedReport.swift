import CupelAudit
import Foundation

/// A report as `--json` wrote it, read again.
public enum RecordedReport: Sendable, Equatable {
  /// Of an audit with a known trigger.
  case known(AuditReport)
  /// Of a search for an unknown one.
  case detection(DetectionReport)

  /// - Parameter bytes: of the file.
  /// - Throws: `AuditError.report` that says what is wrong, and where in the document.
  public init(json bytes: [UInt8]) throws(AuditError) {
    do {
      let head = try JSONDecoder().decode(Head.self, from: Data(bytes))
      let isKnown = head.trigger != nil
      let version = isKnown ? AuditReport.schemaVersion : DetectionReport.schemaVersion
      guard head.schemaVersion == version else {
        throw AuditError.report(
          rule: "its schema version is \(head.schemaVersion); \(version) is understood")
      }
      self =
        isKnown
        ? .known(try JSONDecoder().decode(AuditReport.self, from: Data(bytes)))
        : .detection(try JSONDecoder().decode(DetectionReport.self, from: Data(bytes)))
    } catch let error as AuditError {
      throw error
    } catch let error as DecodingError {
      throw .report(rule: error.rule)
    } catch {
      throw .report(rule: "\(error)")
    }
  }

  /// What tells the two kinds, and versions, apart.
  private struct Head: Decodable {
    var schemaVersion: Int
    var trigger: String?
  }
}
