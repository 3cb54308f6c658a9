import Cupel
import CupelSupport
import CupelSweep
import Foundation

/// What a sweep's tasks have come to, for people: a row a task, and then what failed and why.
enum SweepRows {
  static func text(_ table: SweepTable) -> String {
    var parts = [rows(table)]
    let failed = table.rows.filter { $0.state == .failed }
    if !failed.isEmpty {
      parts.append(
        (["failed"]
          + failed.map { "  task \($0.task), \(printable($0.model)): \(reason($0))" })
          .joined(separator: "\n"))
    }
    if !table.leftOut.isEmpty {
      parts.append(
        (["models that could not be read"] + table.leftOut.map { "  " + printable($0, limit: 400) })
          .joined(separator: "\n"))
    }
    let counts = table.counts
    parts.append(
      "\(grouped(counts.done)) of \(grouped(counts.planned)) tasks done, "
        + "\(grouped(counts.failed)) failed, \(grouped(counts.pending)) pending\n"
        + "verdict: \(table.verdict.rawValue)")
    return parts.joined(separator: "\n\n")
  }

  private static func reason(_ row: SweepTable.Row) -> String {
    printable(row.reason ?? "", limit: 400)
  }

  private static func rows(_ table: SweepTable) -> String {
    var text = TextTable([
      ("task", .right), ("model", .left), ("schemes", .left), ("profile", .left),
      ("trigger", .left), ("seed", .right), ("verdict", .left), ("dormant %", .right),
      ("class", .right), ("diff. ASR, points", .right), ("s", .right),
    ])
    for row in table.rows {
      text.add([
        String(row.task), printable(row.model, limit: 48), schemes(row), row.profile ?? "–",
        printable(row.trigger ?? "searched", limit: 40), String(row.seed),
        row.verdict?.rawValue ?? row.state.rawValue, row.probability.map { percent($0) } ?? "–",
        row.targetClass.map(String.init) ?? "–", row.differentialASR.map { percent($0) } ?? "–",
        row.seconds.map { String(format: "%.1f", $0) } ?? "–",
      ])
    }
    return text.text
  }

  /// Many schemes are told by their number.
  private static func schemes(_ row: SweepTable.Row) -> String {
    switch row.schemes.count {
    case 0: "as the files"
    case 1...2: row.schemes.map { printable($0) }.joined(separator: ",")
    default: "\(row.schemes.count) schemes"
    }
  }
}
