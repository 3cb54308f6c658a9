import Cupel
import CupelSupport
import Foundation

/// The report of an audit without a known trigger, for people.
enum DetectionTable {
  static func text(_ report: DetectionReport) -> String {
    var parts = [
      [
        "model    \(printable(report.model))",
        "images   \(grouped(report.heldOutImages)) held out, \(grouped(report.searchImages)) searched on",
        "seed     \(report.seed)",
      ].joined(separator: "\n"),
      deployments(report),
    ]
    if !report.findings.isEmpty {
      parts.append((["findings"] + report.findings.map(finding)).joined(separator: "\n"))
    }
    if !report.leftOut.isEmpty {
      parts.append(
        (["left out"] + report.leftOut.map { "  " + printable($0, limit: longest) })
          .joined(separator: "\n"))
    }
    parts.append(conclusion(report))
    return parts.joined(separator: "\n\n")
  }

  /// Characters of a line that is text.
  private static let longest = 400

  /// A row a deployment and family of triggers.
  private static func deployments(_ report: DetectionReport) -> String {
    var table = TextTable([
      ("deployment", .left), ("profile", .left), ("BA % [95 %]", .right), ("dormant %", .right),
      ("trigger", .left), ("class", .right), ("diff. ASR, points [95 %]", .right),
      ("float ASR", .right), ("integer ASR", .right), ("s", .right),
    ])
    table.add([
      "float", "",
      report.float.benignAccuracy.map { percent($0, report.float.benignAccuracyInterval) } ?? "–",
    ])
    for deployment in report.deployments {
      let head = [
        name(deployment), deployment.profile.rawValue,
        percent(deployment.benignAccuracy, deployment.benignAccuracyInterval),
        deployment.probability.map { percent($0) } ?? "–",
      ]
      if deployment.searches.isEmpty { table.add(head + ["not searched"]) }
      for (number, search) in deployment.searches.enumerated() {
        table.add((number == 0 ? head : ["", "", "", ""]) + cells(search))
      }
    }
    return table.text
  }

  private static func cells(_ search: DetectionReport.Search) -> [String] {
    [
      search.family.rawValue, String(search.targetClass),
      percent(search.differentialASR, search.differentialASRInterval), percent(search.floatASR),
      percent(search.integerASR), String(format: "%.1f", search.seconds),
    ]
  }

  private static func name(_ deployment: DetectionReport.Deployment) -> String {
    let rounding = deployment.rounding == .nearest ? nil : deployment.rounding.rawValue
    return [deployment.scheme.rawValue, deployment.file.map(lastComponent), rounding].compactMap(
      \.self
    )
    .map { printable($0) }.joined(separator: ", ")
  }

  private static func finding(_ finding: DetectionReport.Finding) -> String {
    let level = finding.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
    return "  \(level)\(finding.rule.rawValue): \(printable(finding.message, limit: longest))"
  }

  /// Verdict, probability, and what the strongest evidence is about.
  static func conclusion(_ report: DetectionReport) -> String {
    let meaning =
      switch report.verdict {
      case .dormantBackdoor: "a trigger is harmless in float and works once the model is quantized"
      case .activeBackdoor: "a trigger works in the model as it was given"
      case .noEvidence: "nothing that was searched for does more in a deployment than in float"
      case .undetermined where report.isUnsearched: "nothing was searched"
      case .undetermined: "the measurements decide neither way"
      }
    var lines = ["verdict: \(report.verdict.rawValue) — \(meaning)"]
    lines.append(
      report.probability.map { "probability of a dormant backdoor: \(percent($0)) %" }
        ?? "no probability of a dormant backdoor can be given")
    if let target = report.targetClass {
      let scheme = report.scheme.map { " under \(printable($0.rawValue))" } ?? ""
      let difference = report.differentialASR.map { value in
        ", differential ASR \(percent(value, report.differentialASRInterval)) points"
      }
      lines.append("strongest evidence: class \(target)\(scheme)\(difference ?? "")")
    }
    return lines.joined(separator: "\n")
  }
}
