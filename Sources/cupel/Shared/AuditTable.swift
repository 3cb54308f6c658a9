import Audit
import ModelImport
import Support

/// An audit's report for people.
enum AuditTable {
  static func text(_ report: AuditReport, float: AttackMeasurement?) -> String {
    var table = TextTable([
      ("deployment", .left), ("rounding", .left), ("profile", .left), ("BA % [95 %]", .right),
      ("ASR % [95 %]", .right), ("ASR − float, points [95 %]", .right), ("DER %", .right),
    ])
    if let float {
      table.add([
        "float", "", "", percent(float.benignAccuracy.value, float.benignAccuracy.interval),
        percent(float.attackSuccessRate.value, float.attackSuccessRate.interval),
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
    func range(_ share: Double, _ bounds: [Double]) -> String {
      percent(share, bounds[0]...bounds[1])
    }
    var difference = ""
    if let value = row.differentialASR, let bounds = row.differentialASRInterval {
      difference = range(value, bounds)
    }
    let name = [printable(row.scheme), row.file.map(lastComponent)].compactMap(\.self).joined(
      separator: ", ")
    return [
      name + mark, printable(row.rounding), printable(row.profile),
      range(row.benignAccuracy, row.benignAccuracyInterval),
      range(row.attackSuccessRate, row.attackSuccessRateInterval), difference,
      row.der.map(percent) ?? "",
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
