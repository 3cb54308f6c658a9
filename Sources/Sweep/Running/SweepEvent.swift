import CupelSupport
import Foundation

/// Something that happened in a sweep, as `--log json` writes it: an object a line.
public struct SweepEvent: Sendable, Encodable, Equatable {
  /// What happened.
  public enum Kind: String, Sendable, Encodable {
    /// The tasks are counted, and the first is about to begin.
    case sweepStarted = "sweep-started"
    /// A process was started.
    case taskStarted = "task-started"
    /// A result is there.
    case taskDone = "task-done"
    /// A task came to nothing; others go on.
    case taskFailed = "task-failed"
    /// No more tasks are done.
    case sweepEnded = "sweep-ended"
  }

  /// What happened.
  public var event: Kind
  /// UTC, as ISO 8601 writes it.
  public var time: String
  /// From 1; nil for the sweep as a whole.
  public var task: Int?
  /// Of the task.
  public var name: String?
  /// Wall time of the task or the sweep.
  public var seconds: Double?
  /// Of the task's process; nil where a signal ended it.
  public var status: Int32?
  /// That ended the task's process; nil where none did.
  public var signal: Int32?
  /// Why a task failed.
  public var message: String?
  /// Tasks by what became of them; of a sweep's start and end.
  public var counts: SweepStatus.Counts?
  /// Of a sweep's end.
  public var tasksPerHour: Double?

  init(_ event: Kind, task: Int? = nil, name: String? = nil) {
    (self.event, self.task, self.name) = (event, task, name)
    time = Date().formatted(.iso8601)
  }

  /// One line, without a newline.
  public var line: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Numbers here are times and counts: finite.
    return String(decoding: (try? encoder.encode(self)) ?? Data(), as: UTF8.self)
  }
}
