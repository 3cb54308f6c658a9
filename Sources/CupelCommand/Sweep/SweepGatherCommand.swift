import ArgumentParser
import Cupel
import CupelAuditReports
import CupelSupport
import CupelSweep

/// `cupel sweep gather`: one report of all there is.
struct SweepGatherCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gather",
    abstract: "Makes one table of what a sweep's tasks have come to, also while it is under way.",
    discussion: """
      The exit status is 1 where a task found a backdoor, 0 where every task is done and none found \
      evidence of one, and else 2.

      Example:
        cupel sweep gather sweep --html sweep.html --json sweep.json
      """)

  @OptionGroup var sweep: SweepFolderArgument

  @Option(help: ArgumentHelp("Write a page to look at, sort and filter.", valueName: "file"))
  var html: String?

  @Option(help: ArgumentHelp("Write SARIF 2.1.0 for code scanning.", valueName: "file"))
  var sarif: String?

  @Option(help: ArgumentHelp("Write the table as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    try checkWritable(html, sarif, json, inputs: [sweep.folder.manifest])
    var audits: [SarifReport.Audit] = []
    let isWanted = sarif != nil
    let table = try SweepTable(of: sweep.folder) { task, report in
      if isWanted { audits.append(.init(report, path: task.models[0].path)) }
    }
    if let sarif { try JSONText.write(SarifReport(audits, failures: table.failures), to: sarif) }
    if let json { try JSONText.write(table, to: json) }
    if let html {
      try AtomicFile.write(
        SweepPage.text(table, title: lastComponent(of: sweep.folder.path)), to: html)
    }
    print(SweepRows.text(table))
    throw VerdictExit(code: table.verdict.exitCode)
  }
}
