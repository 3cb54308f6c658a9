import Cupel
import CupelAuditReports
import CupelHostRuntime
import CupelSupport
import Foundation

/// Does one task of a sweep, in a process of its own.
public struct TaskProcess: Sendable {
  /// What a task may take.
  public struct Bounds: Sendable, Equatable {
    /// Bytes of memory; nil for no bound.
    public var memory: Int?
    /// Seconds of wall time; nil for no bound.
    public var seconds: Int?

    /// No bounds.
    public init() {}
  }

  private let folder: SweepFolder

  /// - Parameter folder: of the sweep.
  public init(_ folder: SweepFolder) { self.folder = folder }

  /// Does the task, unless its result is there already.
  ///
  /// What the task throws is recorded beside the results, but for an output that cannot be written:
  /// that is no fault of the task's.
  ///
  /// - Parameters:
  ///   - number: of the task, from 1.
  ///   - status: the exit status that an error is to have.
  /// - Returns: the task's name, and whether it was done now.
  /// - Throws: `CupelError` where there is no such task, what the task throws, `FileError`.
  public func run(
    _ number: Int, context: RunContext = RunContext(), status: (any Error) -> Int32,
    message: (any Error) -> String
  ) throws -> (name: String, isNew: Bool) {
    let task = try ManifestReader.task(number, of: folder.manifest)
    let name = task.name
    if folder.isDone(name) { return (name, false) }
    let stopwatch = Stopwatch()
    do {
      let report = try task.run(context).json()
      let measure = SweepFolder.Measure(
        kind: task.kind, seconds: stopwatch.seconds, peakBytes: Self.peakBytes,
        endedAt: Date().timeIntervalSince1970)
      try folder.publish(report, measure, of: name)
    } catch let error as CancellationError {
      throw error
    } catch {
      if status(error) != Self.cannotWrite {
        try folder.record(
          .init(status: status(error), signal: nil, message: message(error)), of: name)
      }
      throw error
    }
    return (name, true)
  }

  /// sysexits.h: an output cannot be written.
  static let cannotWrite: Int32 = 73

  private static var peakBytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Int(usage.ru_maxrss) << 10
  }
}

extension TaskProcess.Bounds {
  /// Holds this very process to the bounds: a task that wants more memory than it may have ends by a
  /// crash, and one that takes too long by an alarm. The system sees to both, whatever the task does.
  ///
  /// - Throws: `CupelError` where the system refuses.
  public func hold() throws {
    if let memory {
      // What the process writes to counts, and not the addresses that it reserves.
      var limit = rlimit(rlim_cur: rlim_t(memory), rlim_max: rlim_t(memory))
      guard setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit) == 0 else {
        throw CupelError(
          "memory cannot be bounded: \(String(cString: strerror(errno)))", .internalError)
      }
    }
    if let seconds { _ = alarm(UInt32(clamping: seconds)) }
  }
}

extension RecordedReport {
  /// As `cupel audit --json` writes it.
  package func json() throws -> [UInt8] {
    switch self {
    case .known(let report): try report.json()
    case .detection(let report): try report.json()
    }
  }
}
