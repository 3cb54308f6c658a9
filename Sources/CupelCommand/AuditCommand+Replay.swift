import ArgumentParser
import Cupel
import CupelAuditReports
import CupelSupport

// An audit made again from its report.

extension AuditCommand {
  /// Makes a report's audit again, and ends with 0 where every input and every figure is the same and
  /// with 1 where one is not.
  func repeatAudit(of path: String) throws {
    try checkWritable(json, inputs: [path])
    let bytes = try InputFile.read(path, limit: Self.longestReport)
    let recorded = try CupelError.naming(path) { try RecordedReport(json: bytes) }
    try repeatAudit(of: recorded, named: path, given: Array(Self.command.dropFirst(2)))
  }

  /// - Parameters:
  ///   - path: where the report was read.
  ///   - given: options and models that take the place of what the report says.
  func repeatAudit(of recorded: RecordedReport, named path: String, given: [String]) throws {
    let comparison = try repeated(recorded, path, given).compare(with: recorded)
    print(ReplayTable.text(comparison, budget: recorded.budget, of: path))
    if !comparison.isEqual { throw VerdictExit(code: VerdictExit.otherFigures) }
  }

  /// Bytes. Reports with triggers of the largest images are shorter.
  private static let longestReport = 1 << 28

  /// The audit that the report's inputs ask for. What is given beside `--replay` takes the place of
  /// what the report says, since the last of several options counts.
  private func repeated(
    _ report: RecordedReport, _ path: String, _ given: [String]
  ) throws -> AuditCommand {
    let told = report.toldCommand
    let options = report.options(profile: told.map { $0.profile })
    let own = ["--replay", path]
    do { _ = try Self.parse(options + own) } catch {
      throw Failure("\(path): its inputs make no audit: \(Self.message(for: error))")
    }
    let isReplay = given.contains { $0 == "--replay" || $0.hasPrefix("--replay=") }
    var audit = try Self.parse(options + (told?.folders ?? []) + given + (isReplay ? [] : own))
    audit.replay = nil
    if audit.models.isEmpty { audit.models = told?.models ?? [] }
    guard !audit.models.isEmpty else {
      throw ValidationError("\(path) does not tell where its models are: give them")
    }
    try audit.validate()
    return audit
  }

  /// What `--data`, `--classes` and `--catalogue` were given.
  private var folders: [String] {
    [
      data.data.map { "--data=\($0)" }, data.classes.map { "--classes=\($0)" },
      catalogue.path.map { "--catalogue=\($0)" },
    ].compactMap(\.self)
  }

  private func compare(with recorded: RecordedReport) throws -> Replay {
    switch recorded {
    case .known(let report): return try Replay(recorded: report, replayed: measured())
    case .detection(let report):
      var again = try searched()
      // No budget ends a replay. What it left out of the report, figures tell.
      again.budget = report.budget
      return try Replay(recorded: report, replayed: again)
    }
  }
}
