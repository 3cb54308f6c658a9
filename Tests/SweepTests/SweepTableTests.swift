import Cupel
import CupelHostRuntime
import CupelModelFormat
import CupelSweep
import Foundation
import Testing

@Suite("Tables of sweeps") struct SweepTableTests {
  private func row(_ verdict: Verdict?, _ state: SweepTable.State = .done) -> SweepTable.Row {
    var row = SweepTable.Row(1, "name", SweepTaskTests.task)
    (row.verdict, row.state) = (verdict, state)
    return row
  }

  @Test("a sweep is as bad as its worst task, and clean only where every task is")
  func worst() {
    func worst(_ rows: [SweepTable.Row], isWhole: Bool = true) -> Verdict {
      SweepTable.worst(rows, isWhole: isWhole)
    }
    #expect(worst([row(.noEvidence), row(.noEvidence)]) == .noEvidence)
    #expect(worst([row(.noEvidence)], isWhole: false) == .undetermined)
    #expect(worst([]) == .undetermined)
    #expect(worst([row(.noEvidence), row(nil, .pending)]) == .undetermined)
    #expect(worst([row(.noEvidence), row(nil, .failed)]) == .undetermined)
    #expect(worst([row(.noEvidence), row(.undetermined)]) == .undetermined)
    #expect(worst([row(.activeBackdoor), row(nil, .failed)]) == .activeBackdoor)
    #expect(worst([row(.activeBackdoor), row(.dormantBackdoor)]) == .dormantBackdoor)
  }

  @Test("tasks an hour are those that ended between the first end and the last")
  func rate() {
    #expect(SweepStatus.rate([]) == nil)
    #expect(SweepStatus.rate([7]) == nil)
    // Three tasks in 30 s after the first end.
    #expect(SweepStatus.rate([100, 110, 130, 120]) == 360)
    // What ended more than an hour before the last end says nothing of today.
    #expect(SweepStatus.rate([0, 10_000, 10_036]) == 100)
  }

  @Test("text out of files is no markup, and the only script is the page's own")
  func page() throws {
    var hostile = row(.undetermined)
    hostile.model = "<script>alert(1)</script>\"'"
    var table = SweepTable(rows: [hostile, row(.dormantBackdoor)])
    table.leftOut = ["<img src=x onerror=alert(1)>"]
    let text = SweepPage.text(table, title: "</title><b>")
    #expect(!text.contains("<script>alert") && !text.contains("<img") && !text.contains("<b>"))
    #expect(text.components(separatedBy: "<script>").count == 2)
    // The digest in the policy is that of the script: what CSP 3 lets run.
    let rest = text.split(separator: "<script>").last
    let script = try #require(rest?.split(separator: "</script>").first)
    #expect(text.contains("script-src 'sha256-\(Self.digest(String(script)))'"))
    #expect(text.contains("default-src 'none'"))
    #expect(text.contains("aria-label=\"Sort by verdict\""))
    #expect(text.contains("1 of 2 models with a backdoor, 1 undetermined"))
  }

  private static func digest(_ text: String) -> String {
    let hexadecimal = Array(SHA256.hex(Array(text.utf8)))
    let bytes = stride(from: 0, to: 64, by: 2).map {
      UInt8(String(hexadecimal[$0..<$0 + 2]), radix: 16) ?? 0
    }
    return Data(bytes).base64EncodedString()
  }
}
