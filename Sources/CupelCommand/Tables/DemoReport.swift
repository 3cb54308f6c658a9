import Cupel
import CupelSupport
import Foundation

/// What a demo's `audit.json` holds.
struct DemoReport: Encodable {
  let schemaVersion = 1
  var images: Int
  var seconds: Double
  var rows: [Row]

  /// One model at one stage. Shares are fractions.
  struct Row: Encodable {
    var specimen: String
    /// "float", "nearest" or "purified".
    var stage: String
    var scheme: String
    var benignAccuracy: Double
    var attackSuccessRate: Double
    /// Against nearest rounding, which itself has 0.5; for "float" what not quantizing would give.
    var der: Double
    var bytes: Int
    var seconds: Double
    var verdict: String?
  }

  /// A line a model and stage.
  var text: String {
    var table = TextTable([
      ("specimen", .left), ("scheme", .left), ("model", .left), ("BA %", .right),
      ("ASR %", .right), ("DER %", .right), ("size", .right), ("time", .right),
      ("verdict", .left),
    ])
    for (index, row) in rows.enumerated() {
      if index > 0, row.stage == "float" { table.addGap() }
      table.add([
        row.specimen, row.scheme, row.stage, percent(row.benignAccuracy),
        percent(row.attackSuccessRate), row.stage == "purified" ? percent(row.der) : "",
        kibibytes(row.bytes), String(format: "%.1f s", row.seconds), row.verdict ?? "",
      ])
    }
    return table.text
  }
}
