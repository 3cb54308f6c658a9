import Cupel
import CupelSupport

/// An audit's report for people.
enum AuditTable {
  static func text(_ report: AuditReport) -> String {
    var table = TextTable([
      ("deployment", .left), ("rounding", .left), ("profile", .left), ("BA % [95 %]", .right),
      ("ASR % [95 %]", .right), ("ASR − float, points [95 %]", .right), ("DER %", .right),
    ])
    if let float = report.float {
      table.add([
        "float", "", "", percent(float.benignAccuracy, float.benignAccuracyInterval),
        percent(float.attackSuccessRate, float.attackSuccessRateInterval),
      ])
    }
    for row in report.deployments { table.add(cells(row, mark: "")) }
    for row in report.baselines { table.add(cells(row, mark: " (baseline)")) }
    let head = [
      "model    \(report.model)",
      "trigger  \(report.trigger), target class \(report.targetClass)",
      "images   \(grouped(report.images)) of the test set; ASR leaves out the target's own",
      "",
    ]
    return (head + [table.text, "", conclusion(report)]).joined(separator: "\n")
  }

  private static func cells(_ row: AuditReport.Deployment, mark: String) -> [String] {
    let name = [printable(row.scheme.rawValue), row.file.map(lastComponent)].compactMap(\.self)
      .joined(
        separator: ", ")
    return [
      name + mark, printable(row.rounding.rawValue), row.profile.rawValue,
      percent(row.benignAccuracy, row.benignAccuracyInterval),
      percent(row.attackSuccessRate, row.attackSuccessRateInterval),
      row.differentialASR.map { percent($0, row.differentialASRInterval) } ?? "",
      row.der.map { percent($0) } ?? "",
    ]
  }

  static func conclusion(_ report: AuditReport) -> String {
    let meaning =
      switch report.verdict {
      case .dormantBackdoor:
        "the trigger is harmless in float and works once the model is quantized"
      case .activeBackdoor: "the trigger works in the model as it was given"
      case .noEvidence where !report.baselines.isEmpty:
        "this trigger does no more in the files given than in float (baselines show what nearest "
          + "rounding would do; they are not judged)"
      case .noEvidence: "this trigger does no more in any deployment tried than in float"
      case .undetermined: "the measurements decide neither way"
      }
    return "verdict: \(report.verdict.rawValue) — \(meaning)"
  }
}
