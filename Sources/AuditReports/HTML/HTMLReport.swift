import CupelAudit

/// A report and its exhibits as one HTML file that needs nothing else: style, drawings and pictures are
/// inside, there is no script, and the page forbids itself to load anything.
public enum HTMLReport {
  /// - Parameter exhibits: nil leaves their sections out.
  /// - Throws: `DatasetError` where a picture is none or memory is short.
  public static func text(_ report: DetectionReport, exhibits: Exhibits? = nil) throws -> String {
    let tables = HTMLTables(report: report)
    var sections: [Markup] = [
      head(report), verdict(report), tables.findings, tables.deployments, tables.differences,
      tables.searches, tables.survival, tables.classes,
    ]
    if let exhibits {
      let figures = HTMLFigures(exhibits: exhibits)
      sections += [
        try figures.trigger, try figures.samples, figures.confusion, figures.drifts,
        try figures.attention, figures.embeddings, figures.cells,
      ]
    }
    sections += [effort(report), reproduction(report)]
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" \
      content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
      <meta name="referrer" content="no-referrer">
      <link rel="icon" href="data:,">
      <title>\(report.verdict.title): \(report.model)</title>
      <style>\(HTMLStyle.sheet)</style>
      </head>
      <body><main>
      \(sections.joined())
      </main></body>
      </html>
      """
    return page.text + "\n"
  }

  private static func head(_ report: DetectionReport) -> Markup {
    """
    <h1>Backdoor audit of \(report.model)</h1>
    <p class="muted">SHA-256 <code>\(report.digest)</code></p>
    """
  }

  private static func verdict(_ report: DetectionReport) -> Markup {
    let style: Markup =
      switch report.verdict {
      case .dormantBackdoor, .activeBackdoor: "bad"
      case .noEvidence: "good"
      case .undetermined: "warn"
      }
    var tiles = [
      tile(
        Figure.probability(report.probability),
        report.probability == nil
          ? "no probability: nothing was searched" : "probability of a dormant backdoor")
    ]
    if let target = report.targetClass { tiles.append(tile("\(target)", "target class")) }
    if let scheme = report.scheme { tiles.append(tile(scheme.rawValue, "deployment scheme")) }
    if let difference = report.differentialASR {
      let name =
        report.differentialASRInterval.map {
          "differential ASR, points " + Figure.percent($0)
        } ?? "differential ASR, points"
      tiles.append(tile(Figure.percent(difference), name))
    }
    tiles.append(tile("\(report.heldOutImages)", "held-out images measured"))
    tiles.append(tile(Figure.seconds(report.seconds), "wall time"))
    return """
      <section id="verdict"><div class="verdict \(style)">
      <div class="name">\(report.verdict.title)</div>
      \(HTMLSummary.text(report))
      </div>
      <div class="tiles">\(tiles.joined())</div>
      <p class="muted">The probability comes from the decision rule that was fitted on clean and infected \
      models, and weighs all the evidence below. It speaks of backdoors that quantization wakes; a \
      backdoor that works in the float model has a verdict of its own. Intervals are at 95 %.</p>
      </section>
      """
  }

  private static func tile(_ value: String, _ name: String) -> Markup {
    "<div class=\"tile\"><b>\(value)</b><span>\(name)</span></div>"
  }

  private static func effort(_ report: DetectionReport) -> Markup {
    let searches = report.deployments.flatMap(\.searches)
    let steps = searches.reduce(0) { $0 &+ $1.steps }
    let left = report.leftOut.map { line -> Markup in "<li>\(line)</li>" }
    let nothing: Markup = "<p>Nothing of what was planned was left out.</p>"
    let budget = report.budget.map { "A budget of \(Figure.seconds($0)) was given." }
    return """
      <section id="effort"><h2>How hard was searched, and what was left out</h2>
      <p>\(searches.count) searches over \(report.deployments.count) deployments took \(steps) optimizer \
      steps on \(report.searchImages) images; what they found was measured on \(report.heldOutImages) \
      others. The whole audit took \(Figure.seconds(report.seconds)). \
      \(budget ?? "No budget was given.")</p>
      \(left.isEmpty ? nothing : "<ul>\(left.joined())</ul>")
      </section>
      """
  }

  private static func reproduction(_ report: DetectionReport) -> Markup {
    let command: Markup =
      report.command.isEmpty ? "" : "<pre>\(ShellCommand.text(report.command))</pre>"
    let version = report.toolVersion.map { "Cupel \($0)" } ?? "Cupel"
    return """
      <section id="reproduce"><h2>How to reproduce this</h2>
      \(command)
      \(HTMLInputs.table(report.inputs))
      <p>\(version), seed \(report.seed), model of SHA-256 <code>\(report.digest)</code>. With the same \
      version, files and arguments every figure but the times comes out the same. Report schema \
      \(report.schemaVersion).</p>
      </section>
      """
  }
}
