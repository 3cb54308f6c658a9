import CupelAudit
import CupelAuditReports
import CupelDatasets
import Foundation
import TestSupport
import Testing

/// What was left out of a data set, in reports.
@Suite struct FileNoteReportTests {
  private let example: DetectionReport
  private let note = FileNote(reason: .otherName, count: 3, example: "test/a/notes.txt")

  init() throws { example = try ReportExample.made.get().report }

  private func noted() -> DetectionReport {
    var report = example
    report.inputs.heldOutImages?.notes = [note]
    report.inputs.calibration?.notes = [note]
    return report
  }

  @Test func aReportWithoutNotesIsAsBefore() throws {
    #expect(example.inputs.heldOutImages?.notes == nil)
    let text = String(decoding: try JSONEncoder().encode(example.inputs), as: UTF8.self)
    #expect(!text.contains("\"notes\""))
    #expect(try JSONDecoder().decode(AuditInputs.self, from: Data(text.utf8)) == example.inputs)
  }

  @Test func notesGoIntoAReportAsItsSchemaSays() throws {
    let report = noted()
    #expect(report.inputs.heldOutImages != nil)
    let data = try JSONEncoder().encode(report)
    #expect(String(decoding: data, as: UTF8.self).contains("\"reason\":\"otherName\""))
    guard case .detection(let read) = try RecordedReport(json: Array(data)) else {
      Issue.record("another kind of report")
      return
    }
    #expect(read.inputs.heldOutImages?.notes == [note])
    let schema = try JSONSchema(
      Repository.root.appendingPathComponent("docs/schemas/detection-report-2.schema.json"))
    #expect(schema.errors(in: try JSONValue(encoding: report)) == [])
  }

  /// The images' digests say whether they are the same.
  @Test func aReplayDoesNotCompareNotes() throws {
    #expect(try Replay(recorded: example, replayed: noted()).isEqual)
  }
}
