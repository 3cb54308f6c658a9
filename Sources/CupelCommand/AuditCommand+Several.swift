import ArgumentParser
import Cupel
import CupelAuditReports
import CupelSupport
import Foundation

// Several float models, one after the other, and one table of all.

extension AuditCommand {
  /// Whether more than one of the models is a float model.
  func hasSeveralFloats() throws -> Bool {
    let candidates = models.filter { !isCupelFile($0) }
    guard candidates.count > 1 else { return false }
    return try candidates.count { try isFloat($0) } > 1
  }

  private func isFloat(_ path: String) throws -> Bool {
    if isCupelFile(path) { return false }
    if case .float = try LoadedModel(path: path, profile: profile) { return true }
    return false
  }

  /// Audits each model by itself, and ends with the worst verdict.
  func auditEach() throws {
    let outputs = [json, search.html, search.sarif, search.cyclonedx, signing.output]
    guard outputs.allSatisfy({ $0 == nil }) else {
      throw ValidationError(
        "reports are of one audit: give one float model, or use cupel sweep for many")
    }
    guard try models.allSatisfy(isFloat) else {
      throw ValidationError("integer models go with one float model: the one they were made from")
    }
    var reports: [RecordedReport] = []
    for model in models {
      var audit = self
      audit.models = [model]
      reports.append(try audit.audited())
    }
    print("\n" + AuditSummaryTable.text(zip(models, reports)))
    let codes = reports.map { exitCode($0.verdict) }
    throw VerdictExit(code: codes.contains(1) ? 1 : codes.max() ?? 0)
  }

  /// The audit of one model, its table printed.
  private func audited() throws -> RecordedReport {
    if trigger == nil {
      let report = try searched()
      print(DetectionTable.text(report) + "\n")
      return .detection(report)
    }
    let report = try measured()
    print(AuditTable.text(report) + "\n")
    return .known(report)
  }
}

/// What several audits came to, a row each.
enum AuditSummaryTable {
  static func text(_ audits: some Sequence<(String, RecordedReport)>) -> String {
    var table = TextTable([
      ("model", .left), ("verdict", .left), ("dormant %", .right), ("class", .right),
      ("diff. ASR, points", .right), ("s", .right),
    ])
    for (model, report) in audits {
      table.add([
        printable(lastComponent(of: model)), report.verdict.rawValue,
        report.probability.map { percent($0) } ?? "–", report.targetClass.map(String.init) ?? "–",
        report.differentialASR.map { percent($0) } ?? "–", String(format: "%.1f", report.seconds),
      ])
    }
    return table.text
  }
}
