import ArgumentParser
import Cupel
import CupelSupport
import CupelSweep
import Foundation

/// `cupel sweep run`: a sweep's tasks on this machine.
struct SweepRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Does the tasks of a sweep on this machine, and goes on where a run was stopped.",
    discussion: """
      Each task has a process of its own, so that one that crashes costs only itself. Tasks that \
      failed are left alone until --retry asks for them.

      The exit status is 0 where every task has a result, 2 where one has failed, and 73 where \
      results cannot be written, as on a full disk: make room and run the sweep again.

      Example:
        cupel sweep run sweep --jobs 2 --memory 2G --time 10m
      """)

  @OptionGroup var sweep: SweepFolderArgument

  @Option(help: ArgumentHelp("Tasks at a time. (default: one for each core)", valueName: "n"))
  var jobs = ProcessInfo.processInfo.activeProcessorCount

  @Option(
    help: ArgumentHelp("Threads of each task. (default: what the jobs leave)", valueName: "n"))
  var threads: Int?

  @Option(
    help: ArgumentHelp("Only these tasks, such as 7 or 100-199.", valueName: "numbers"),
    transform: parseTasks)
  var tasks: ClosedRange<Int>?

  @Flag(help: "Try tasks again that have failed before.")
  var retry = false

  @OptionGroup var bounds: BoundOptions

  @Option(
    help: ArgumentHelp(
      "Tell every event on standard error: json, an object a line.", valueName: "form"))
  var log: LogForm?

  @Flag(name: .shortAndLong, help: "No progress on standard error.")
  var quiet = false

  func validate() throws {
    try check("--jobs", jobs, in: 1...1024)
    try check("--threads", threads, in: 1...1024)
  }

  func run() throws {
    let reporter = ProgressReporter(isQuiet: quiet || log != nil)
    let isLogged = log != nil
    let run = SweepRun(
      sweep.folder, program: Self.program, settings: settings,
      tell: { if isLogged { SweepLog.write($0) } },
      progress: { reporter.update("tasks", $0) })
    let (ending, status) = try run.run()
    reporter.finish()
    switch ending {
    case .complete: break
    case .cannotWrite(let message): throw Failure(message, exitCode: Failure.cannotWrite)
    case .interrupted(let signal):
      // As if the signal had not been waited for.
      raise(signal)
    }
    print(SweepStatusTable.text(status))
    if status.counts.done < status.counts.planned {
      throw VerdictExit(code: VerdictExit.undecided)
    }
  }

  private var settings: SweepRun.Settings {
    var settings = SweepRun.Settings()
    settings.jobs = jobs
    settings.threads = threads ?? max(ProcessInfo.processInfo.activeProcessorCount / jobs, 1)
    (settings.bounds, settings.tasks, settings.retries) = (bounds.bounds, tasks, retry)
    return settings
  }

  /// This very program.
  static let program = "/proc/self/exe"
}

/// How events are told.
enum LogForm: String, ExpressibleByArgument, CaseIterable {
  case json
}

/// Events on standard error, a line each, whole.
enum SweepLog {
  private static let lock = Guarded(())

  static func write(_ event: SweepEvent) {
    lock.withLock { _ in FileHandle.standardError.write(Data((event.line + "\n").utf8)) }
  }
}
