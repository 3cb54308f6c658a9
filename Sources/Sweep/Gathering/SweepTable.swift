import Cupel
import CupelAuditReports
import CupelSupport

/// What a sweep's tasks have come to so far, a row a task.
public struct SweepTable: Sendable, Encodable, Equatable {
  /// What became of a task.
  public enum State: String, Sendable, Encodable, CaseIterable {
    /// Its result is there.
    case done
    /// It came to nothing, and `reason` says why.
    case failed
    /// It is not done yet.
    case pending
  }

  /// A task and its result.
  public struct Row: Sendable, Encodable, Equatable {
    /// Of the task, from 1.
    public var task: Int
    /// Of the task; its report is `results/NAME.json`.
    public var name: String
    /// Names of the audited files.
    public var model: String
    /// Under which the float model was rounded; empty where files alone are audited.
    public var schemes: [String]
    /// Whose rounding; nil for the files' own, else TensorFlow Lite Micro's.
    public var profile: String?
    /// That was measured; nil where one was searched.
    public var trigger: String?
    /// Of every random choice.
    public var seed: UInt64
    /// What became of it.
    public var state: State
    /// nil where it is not done.
    public var verdict: Verdict?
    /// Of a dormant backdoor, 0…1; nil where it was not told.
    public var probability: Double?
    /// From 0; nil where none was found.
    public var targetClass: Int?
    /// The largest of the deployments, −1…1; nil where there is none.
    public var differentialASR: Double?
    /// Share of clean images that the float model answers rightly; nil without one.
    public var floatAccuracy: Double?
    /// Steps that the budget left out.
    public var leftOut = 0
    /// Wall time of the audit; nil where it is not done.
    public var seconds: Double?
    /// Why it failed; nil where it did not.
    public var reason: String?
  }

  /// Of the JSON form.
  public var schemaVersion = 1
  /// The worst of the tasks: a backdoor in any of them, else undetermined where one is, or is not
  /// done, else no evidence.
  public var verdict: Verdict
  /// Tasks by what became of them.
  public var counts = SweepStatus.Counts()
  /// In the manifest's order.
  public var rows: [Row] = []
  /// Models that no task is about, since they could not be read: why.
  public var leftOut: [String]

  package init(rows: [Row]) {
    self.rows = rows
    (verdict, leftOut) = (Self.worst(rows, isWhole: true), [])
    counts.planned = rows.count
    counts.done = rows.count { $0.state == .done }
    counts.failed = rows.count { $0.state == .failed }
  }

  /// Reads what a sweep has come to.
  ///
  /// - Parameter visit: called with the task and the report of every task that is done.
  /// - Throws: `FileError`, `CupelError` where there is no sweep, or its manifest is malformed; what
  ///   `visit` throws.
  public init(
    of folder: SweepFolder, visit: (SweepTask, RecordedReport) throws -> Void = { _, _ in }
  ) throws {
    let reader = try ManifestReader(folder.manifest)
    leftOut = reader.header.leftOut.map(\.reason)
    verdict = .undetermined
    while let entry = try reader.next() {
      let task = try entry.task(folder.manifest)
      var row = Row(entry.number, entry.name, task)
      counts.planned += 1
      if folder.isDone(entry.name) {
        do {
          let report = try folder.readResult(entry.name)
          row.take(report)
          try visit(task, report)
          counts.done += 1
        } catch let error as AuditError {
          (row.state, row.reason) = (.failed, "its result cannot be read: \(error)")
          counts.failed += 1
        }
      } else if let failure = folder.readFailure(entry.name) {
        (row.state, row.reason) = (.failed, failure.message)
        counts.failed += 1
      }
      rows.append(row)
    }
    verdict = Self.worst(rows, isWhole: leftOut.isEmpty)
  }

  package static func worst(_ rows: [Row], isWhole: Bool) -> Verdict {
    let found = rows.compactMap(\.verdict)
    if found.contains(.dormantBackdoor) { return .dormantBackdoor }
    if found.contains(.activeBackdoor) { return .activeBackdoor }
    let isClean = isWhole && !rows.isEmpty && rows.allSatisfy { $0.verdict == .noEvidence }
    return isClean ? .noEvidence : .undetermined
  }
}

extension SweepTable {
  /// Tasks that came to nothing, and models that could not be read, a line each.
  public var failures: [String] {
    rows.compactMap { row in
      row.state == .failed ? "task \(row.task), \(row.model): \(row.reason ?? "")" : nil
    } + leftOut
  }
}

extension SweepTable.Row {
  package init(_ number: Int, _ name: String, _ task: SweepTask) {
    self.init(
      task: number, name: name, model: task.title, schemes: task.schemes, profile: task.profile,
      trigger: task.attack?.trigger, seed: task.seed, state: .pending)
  }

  mutating func take(_ report: RecordedReport) {
    (state, seconds) = (.done, report.seconds)
    (verdict, probability) = (report.verdict, report.probability)
    (targetClass, differentialASR) = (report.targetClass, report.differentialASR)
    switch report {
    case .known(let report): floatAccuracy = report.float?.benignAccuracy
    case .detection(let report):
      floatAccuracy = report.float.benignAccuracy
      leftOut = report.leftOut.count
    }
  }
}

extension SweepFolder {
  /// Bytes. Reports with triggers of the largest images are shorter.
  private static let longestReport = 1 << 28

  /// - Throws: `FileError`; `AuditError.report` where the file is no report.
  func readResult(_ name: String) throws -> RecordedReport {
    try RecordedReport(
      json: InputFile.read(result(name), limit: Self.longestReport, isListed: true))
  }
}
