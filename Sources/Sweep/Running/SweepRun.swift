import Cupel
import CupelSupport
import Foundation

/// Does a sweep's tasks on this machine, each in a process of its own, so that one that crashes costs
/// only itself. It goes on where an earlier run ended.
public struct SweepRun: Sendable {
  /// How tasks are done.
  public struct Settings: Sendable {
    /// Processes at a time.
    public var jobs = 1
    /// Threads of each.
    public var threads = 1
    /// What each may take.
    public var bounds = TaskProcess.Bounds()
    /// Numbers of the tasks to do; nil for all.
    public var tasks: ClosedRange<Int>?
    /// Whether tasks that failed before are tried again.
    public var retries = false

    /// One task at a time, on one thread, without bounds.
    public init() {}
  }

  /// How a run ended.
  public enum Ending: Sendable, Equatable {
    /// Every task was tried.
    case complete
    /// An output could not be written, as on a full disk: what is missing is done by another run.
    case cannotWrite(String)
    /// This process was asked to end, by this signal, and its tasks' processes were ended first.
    case interrupted(Int32)
  }

  private let folder: SweepFolder
  private let program: String
  private let settings: Settings
  private let tell: @Sendable (SweepEvent) -> Void
  private let progress: @Sendable (Double) -> Void

  /// - Parameters:
  ///   - folder: of the sweep.
  ///   - program: the `cupel` that does a task.
  ///   - settings: how.
  ///   - tell: called for every event, from any thread.
  ///   - progress: called with the share of the tasks that are done, 0…1, from any thread.
  public init(
    _ folder: SweepFolder, program: String, settings: Settings = Settings(),
    tell: @escaping @Sendable (SweepEvent) -> Void = { _ in },
    progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) {
    (self.folder, self.program, self.settings) = (folder, program, settings)
    (self.tell, self.progress) = (tell, progress)
  }

  /// - Returns: how the run ended, and what the sweep has come to.
  /// - Throws: `FileError`, `CupelError` where there is no sweep, its manifest is malformed, or no
  ///   process can be started.
  public func run() throws -> (ending: Ending, status: SweepStatus) {
    let stopwatch = Stopwatch()
    let before = try SweepStatus(of: folder, tasks: settings.tasks)
    try folder.create()
    tell(SweepEvent(.sweepStarted, before))
    let todo = before.counts.pending + (settings.retries ? before.counts.failed : 0)
    let queue = TaskQueue(try ManifestReader(folder.manifest), todo: todo) { entry in
      settings.tasks?.contains(entry.number) ?? true
        && !folder.isDone(entry.name)
        && (settings.retries || folder.readFailure(entry.name) == nil)
    }
    let interruption = SignalWatch { queue.stop(.interrupted($0)) }
    Self.onThreads(min(settings.jobs, max(todo, 1))) {
      while let entry = queue.next() { perform(entry, queue) }
    }
    interruption.end()
    let ending = try queue.result()
    let after = try SweepStatus(of: folder, tasks: settings.tasks)
    var end = SweepEvent(.sweepEnded, after)
    end.seconds = stopwatch.seconds
    tell(end)
    return (ending, after)
  }

  private func perform(_ entry: ManifestReader.Entry, _ queue: TaskQueue) {
    let stopwatch = Stopwatch()
    do {
      guard let child = try queue.start({ try ChildProcess(program, arguments(entry.number)) })
      else { return }
      tell(SweepEvent(.taskStarted, task: entry.number, name: entry.name))
      let ending = child.wait()
      let share = queue.ended(child)
      var event = SweepEvent(.taskDone, task: entry.number, name: entry.name)
      (event.status, event.signal) = (ending.status, ending.signal)
      event.seconds = stopwatch.seconds
      if ending.status != 0 {
        guard let failure = try record(ending, entry, queue) else { return }
        (event.event, event.message) = (.taskFailed, failure)
      }
      tell(event)
      progress(share)
    } catch let error as FileError where ["write", "sync"].contains(error.action) {
      queue.stop(.cannotWrite("\(error)"))
    } catch {
      queue.fail(error)
    }
  }

  private func arguments(_ number: Int) -> [String] {
    let bounds = [
      settings.bounds.memory.map { "--memory=\($0)" },
      settings.bounds.seconds.map { "--time=\($0)s" },
    ]
    return ["sweep", "task", folder.path, "\(number)", "--quiet", "--threads=\(settings.threads)"]
      + bounds.compactMap(\.self)
  }

  /// Keeps why a task came to nothing.
  ///
  /// - Returns: nil where that is no fault of the task's: the run is at its end then.
  private func record(
    _ ending: ChildProcess.Ending, _ entry: ManifestReader.Entry, _ queue: TaskQueue
  ) throws -> String? {
    // What `cupel` writes before every message says nothing here.
    let line = ending.words.split(separator: "\n").last ?? ""
    let last = String(line.hasPrefix("cupel: ") ? line.dropFirst("cupel: ".count) : line)
    if ending.status == TaskProcess.cannotWrite {
      queue.stop(.cannotWrite(printable(last, limit: 1024)))
      return nil
    }
    if [SIGINT, SIGTERM].contains(ending.signal) { return nil }
    // A task that ends by itself has told why.
    if ending.signal == nil, let told = folder.readFailure(entry.name) { return told.message }
    let message = ending.signal.map(reason) ?? printable(last, limit: 1024)
    try folder.record(
      .init(status: ending.status, signal: ending.signal, message: message), of: entry.name)
    return message
  }

  private func reason(_ signal: Int32) -> String {
    let name = String(cString: strsignal(signal))
    if signal == SIGALRM, let seconds = settings.bounds.seconds {
      return "it took longer than \(seconds) s"
    }
    let bound = settings.bounds.memory.map { ", and was given \($0 >> 20) MiB of memory" } ?? ""
    return "its process was ended by signal \(signal) (\(name))\(bound)"
  }

  private static func onThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    let group = DispatchGroup()
    for _ in 0..<max(count, 1) {
      group.enter()
      // A thread of its own: it waits for processes, for which no pool of threads is made.
      Thread.detachNewThread {
        body()
        group.leave()
      }
    }
    group.wait()
  }
}

extension SweepEvent {
  fileprivate init(_ kind: Kind, _ status: SweepStatus) {
    self.init(kind)
    (counts, tasksPerHour) = (status.counts, status.tasksPerHour)
  }
}
