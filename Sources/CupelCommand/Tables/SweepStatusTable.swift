import Cupel
import CupelSupport
import CupelSweep
import Foundation

/// How far a sweep is, for people.
enum SweepStatusTable {
  static func text(_ status: SweepStatus) -> String {
    let counts = status.counts
    var parts = [
      "\(grouped(counts.done)) of \(grouped(counts.planned)) tasks done, "
        + "\(grouped(counts.failed)) failed, \(grouped(counts.pending)) pending"
    ]
    if let rate = status.tasksPerHour {
      parts.append(String(format: "%.1f tasks an hour", rate))
    }
    if !status.leftOut.isEmpty {
      parts.append("\(status.leftOut.count) models could not be read")
    }
    if !status.kinds.isEmpty { parts.append("\n" + kinds(status)) }
    return parts.joined(separator: "\n")
  }

  private static func kinds(_ status: SweepStatus) -> String {
    var table = TextTable([
      ("kind", .left), ("tasks", .right), ("mean s", .right), ("most s", .right),
      ("most MiB", .right),
    ])
    for kind in status.kinds {
      table.add([
        kind.kind, grouped(kind.tasks), String(format: "%.1f", kind.meanSeconds),
        String(format: "%.1f", kind.mostSeconds), grouped(kind.mostBytes >> 20),
      ])
    }
    return table.text
  }
}
