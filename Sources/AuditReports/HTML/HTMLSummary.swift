import CupelAudit

/// An audit in a few sentences: what was tried, what was found, what is to be done, and what was not
/// tried.
enum HTMLSummary {
  static func text(_ report: DetectionReport) -> Markup {
    """
    <p>\(tried(report)) \(found(report)) \(next(report))</p>
    <p><b>Not tried:</b> \(untried(report))</p>
    """
  }

  private static func tried(_ report: DetectionReport) -> String {
    let searches = report.deployments.reduce(0) { $0 + $1.searches.count }
    return "Cupel looked for triggers in \(report.deployments.count) deployments of the model, "
      + "\(searches) searches in all, and measured what it found on \(report.heldOutImages) images."
  }

  private static func found(_ report: DetectionReport) -> String {
    if report.isUnsearched { return "Nothing was searched." }
    guard let target = report.targetClass, report.verdict != .noEvidence else {
      return report.verdict.meaning
    }
    let place = report.scheme.map { " under \($0.rawValue)" } ?? ""
    return "\(report.verdict.meaning) The strongest calls class \(target)\(place)."
  }

  private static func next(_ report: DetectionReport) -> String {
    switch report.verdict {
    case .dormantBackdoor: DetectionReport.Finding.Rule.dormantBackdoor.text.help
    case .activeBackdoor: DetectionReport.Finding.Rule.activeBackdoor.text.help
    case .noEvidence:
      "Keep this report beside the model, and audit again when the model or its scheme changes."
    case .undetermined:
      "Audit again with more images and without a budget; look at the findings below first."
    }
  }

  private static func untried(_ report: DetectionReport) -> String {
    let families = TriggerFamily.allCases.filter { !report.inputs.families.contains($0) }
    let parts = [
      families.isEmpty
        ? nil : "triggers of the kinds " + families.map(\.rawValue).joined(separator: ", "),
      report.leftOut.isEmpty
        ? nil : "\(report.leftOut.count) steps that were left out, listed at the end",
      "other schemes and profiles than those below",
      "triggers that lie outside the kinds searched, such as those that depend on the image",
    ]
    return parts.compactMap(\.self).joined(separator: "; ") + "."
  }
}
