import Cupel
import CupelAuditReports
import CupelSupport
import Foundation

/// A sweep's table as one HTML file that needs nothing else. A script of its own sorts and filters the
/// rows; the page lets no other script run and loads nothing. Without scripts the whole table is
/// there.
public enum SweepPage {
  /// - Parameter title: of the page, such as the sweep's folder.
  public static func text(_ table: SweepTable, title: String) -> String {
    let rows = table.rows.map(row)
    let page: Markup = """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
      style-src 'unsafe-inline'; script-src 'sha256-\(SweepScript.digest)'">
      <meta name="referrer" content="no-referrer">
      <link rel="icon" href="data:,">
      <title>\(title): \(table.counts.done) of \(table.counts.planned) audits</title>
      <style>\(HTMLStyle.sheet)
      \(style)</style>
      </head>
      <body><main>
      <h1>Audits of \(title)</h1>
      \(summary(table))
      \(controls(table))
      <div class="wide"><table id="tasks" aria-describedby="shown">
      <thead><tr>\(columns.enumerated().map(heading).joined())</tr></thead>
      <tbody>
      \(rows.joined())</tbody>
      </table></div>
      \(leftOut(table))
      </main><script>\(SweepScript.markup)</script></body>
      </html>
      """
    return page.text + "\n"
  }

  private struct Column {
    var name: String
    var isNumber = false
  }

  private static let columns = [
    Column(name: "task", isNumber: true), Column(name: "model"), Column(name: "schemes"),
    Column(name: "profile"), Column(name: "trigger"), Column(name: "seed", isNumber: true),
    Column(name: "verdict"), Column(name: "dormant %", isNumber: true),
    Column(name: "class", isNumber: true), Column(name: "diff. ASR, points", isNumber: true),
    Column(name: "float BA %", isNumber: true), Column(name: "left out", isNumber: true),
    Column(name: "s", isNumber: true), Column(name: "why it failed"),
  ]

  private static func heading(_ number: Int, _ column: Column) -> Markup {
    let kind: Markup = column.isNumber ? " class=\"n\" data-kind=\"number\"" : ""
    return """
      <th scope="col"\(kind)><button type="button" data-column="\(number)" \
      aria-label="Sort by \(column.name)">\(column.name)</button></th>
      """
  }

  private static func row(_ row: SweepTable.Row) -> Markup {
    let state = row.verdict?.rawValue ?? row.state.rawValue
    let found = [.dormantBackdoor, .activeBackdoor].contains(row.verdict)
    let cells: [Markup] = [
      number("\(row.task)"), "<th scope=\"row\" class=\"t\">\(row.model)</th>",
      text(row.schemes.joined(separator: " ")), text(row.profile ?? ""),
      text(row.trigger ?? "searched"), number("\(row.seed)"), text(state),
      number(percent(row.probability)), number(row.targetClass.map(String.init) ?? ""),
      number(percent(row.differentialASR)), number(percent(row.floatAccuracy)),
      number(row.leftOut == 0 ? "" : "\(row.leftOut)"),
      number(row.seconds.map { String(format: "%.1f", $0) } ?? ""), text(row.reason ?? ""),
    ]
    let kind: Markup = found ? " class=\"found\"" : ""
    return "<tr\(kind) data-state=\"\(state)\">\(cells.joined())</tr>"
  }

  private static func number(_ text: String) -> Markup { "<td class=\"n\">\(text)</td>" }
  private static func text(_ text: String) -> Markup { "<td class=\"t\">\(text)</td>" }

  private static func percent(_ share: Double?) -> String {
    share.map { String(format: "%.1f", 100 * $0) } ?? ""
  }

  /// What was tried, what was found, what is to be done, and what was not tried.
  private static func summary(_ table: SweepTable) -> Markup {
    let counts = table.counts
    let models = Set(table.rows.filter { $0.state == .done }.map(\.model)).count
    func named(_ wanted: [Verdict]) -> Int {
      Set(table.rows.filter { $0.verdict.map(wanted.contains) ?? false }.map(\.model)).count
    }
    let found = named([.dormantBackdoor, .activeBackdoor])
    let open = named([.undetermined])
    let style: Markup = found > 0 ? "bad" : table.verdict == .noEvidence ? "good" : "warn"
    let next =
      found > 0
      ? "Do not deploy the models whose rows are marked; purify them, or ask their makers."
      : open > 0
        ? "Audit the undetermined models again with more images and without a budget."
        : "Keep the reports beside the models, and audit again when a model or a scheme changes."
    let rest = counts.failed + counts.pending + table.leftOut.count
    let untried =
      rest == 0
      ? "Every planned task was done."
      : "Not done: \(counts.failed) tasks failed, \(counts.pending) are pending, and "
        + "\(table.leftOut.count) models could not be read."
    return """
      <section class="verdict \(style)" aria-label="Summary"><div class="name">\(found) of \
      \(models) models with a backdoor, \(open) undetermined</div>
      <p>\(counts.done) audits of \(models) models are done. \(next) \(untried)</p></section>
      """
  }

  private static func controls(_ table: SweepTable) -> Markup {
    let states = Set(table.rows.map { $0.verdict?.rawValue ?? $0.state.rawValue }).sorted()
    let options = states.map { "<option>\($0)</option>" as Markup }
    return """
      <form class="controls" role="search" aria-label="Filter the tasks">
      <label>Show rows with <input type="search" id="words"></label>
      <label>Verdict <select id="state"><option value="">any</option>\
      \(options.joined())</select></label>
      <output id="shown" aria-live="polite">\(table.rows.count) of \(table.rows.count) tasks</output>
      </form>
      """
  }

  private static func leftOut(_ table: SweepTable) -> Markup {
    if table.leftOut.isEmpty { return "" }
    let lines = table.leftOut.map { "<li>\($0)</li>" as Markup }
    return "<section><h2>Models that could not be read</h2><ul>\(lines.joined())</ul></section>"
  }

  private static let style: Markup = """
    .controls { display: flex; flex-wrap: wrap; gap: 8px 20px; margin: 16px 0; align-items: center; }
    .controls input, .controls select { font: inherit; margin-left: 6px; padding: 3px 6px; }
    th button { font: inherit; color: inherit; background: none; border: 0; padding: 2px;
      cursor: pointer; text-align: inherit; }
    th button:focus-visible { outline: 2px solid var(--blue); }
    th[aria-sort=ascending] button::after { content: " ▲"; }
    th[aria-sort=descending] button::after { content: " ▼"; }
    tbody th { color: inherit; font-weight: 400; vertical-align: top; }
    """
}
