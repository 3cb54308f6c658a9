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

  /// What its figures were made from.
  public var inputs: AuditInputs {
    switch self {
    case .known(let report): report.inputs
    case .detection(let report): report.inputs
    }
  }

  /// What the audit concludes.
  public var verdict: Verdict {
    switch self {
    case .known(let report): report.verdict
    case .detection(let report): report.verdict
    }
  }

  /// That the model carries a dormant backdoor, 0…1; nil where it was not told.
  public var probability: Double? {
    switch self {
    case .known(let report): report.probability
    case .detection(let report): report.probability
    }
  }

  /// The class of the strongest evidence, from 0; nil where there is none.
  public var targetClass: Int? {
    switch self {
    case .known(let report): report.targetClass
    case .detection(let report): report.targetClass
    }
  }

  /// The largest of the deployments, −1…1; nil where there is none.
  public var differentialASR: Double? {
    switch self {
    case .known(let report): report.differentialASR
    case .detection(let report): report.differentialASR
    }
  }

  /// Wall time.
  public var seconds: Double {
    switch self {
    case .known(let report): report.seconds
    case .detection(let report): report.seconds
    }
  }

  /// What tells the two kinds, and versions, apart.
  private struct Head: Decodable {
    var schemaVersion: Int
    var trigger: String?
  }
}
