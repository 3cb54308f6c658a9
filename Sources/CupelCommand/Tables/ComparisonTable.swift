import Cupel
import CupelSupport
import Foundation

/// A comparison for people.
enum ComparisonTable {
  static func text(_ rows: [ComparisonRow]) -> String {
    var table = TextTable([
      ("model", .left), ("scheme", .left), ("method", .left), ("BA %", .right), ("ASR %", .right),
      ("DER %", .right), ("shortfall", .right), ("% flipped", .right), ("time", .right),
    ])
    var last: ComparisonRow?
    for row in rows {
      if let last, (last.model, last.scheme) != (row.model, row.scheme) { table.addGap() }
      if last?.model != row.model {
        table.add([
          row.model, "", "float", percent(row.floatBenignAccuracy),
          row.floatAttackSuccessRate.map(percent) ?? "",
        ])
        table.addGap()
      }
      table.add([
        row.model, row.scheme, row.method, percent(row.benignAccuracy),
        row.attackSuccessRate.map(percent) ?? "",
        row.method == "nearest" ? "" : row.der.map(percent) ?? "",
        row.method == "nearest" ? "" : row.shortfall.map(percent) ?? "",
        row.flipped.map(percent) ?? "", String(format: "%.1f s", row.seconds),
      ])
      last = row
    }
    return ([table.text] + means(rows)).joined(separator: "\n")
  }

  /// Mean shortfall of each method over all rows, and its worst.
  private static func means(_ rows: [ComparisonRow]) -> [String] {
    var table = TextTable([
      ("method", .left), ("rows", .right), ("mean shortfall", .right), ("worst", .right),
      ("worst ASR %", .right),
    ])
    let known = rows.filter { $0.method != "nearest" && $0.shortfall != nil }
    var seen = Set<String>()
    for name in known.map(\.method) where seen.insert(name).inserted {
      let own = known.filter { $0.method == name }
      let shortfalls = own.compactMap(\.shortfall)
      table.add([
        name, String(own.count), percent(shortfalls.reduce(0, +) / Double(own.count)),
        percent(shortfalls.max() ?? 0), percent(own.compactMap(\.attackSuccessRate).max() ?? 0),
      ])
    }
    return known.isEmpty ? [] : ["", table.text]
  }
}
