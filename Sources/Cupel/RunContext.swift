import CupelSupport
import Foundation

/// How long work is to be done: on how many threads, from which seed, and who is told how far it
/// is.
///
/// Work that is done in a `Task` ends with `CancellationError` soon after the task is cancelled,
/// and leaves no file.
public struct RunContext: Sendable {
  /// How far a step is.
  public struct Progress: Sendable, Equatable {
    /// What is being done, for people.
    public var step: String
    /// What of the step is under way and how it goes, for people; empty for nothing to tell.
    public var detail: String
    /// Of this step, 0…1, by the time that it takes, as far as that is known. Threads report out of
    /// order, so that a smaller share may follow a larger.
    public var share: Double
  }

  /// The most threads that work at once. No result depends on it.
  public var threads: Int
  /// Of every random choice.
  public var seed: UInt64
  /// Called often, and from any thread.
  public var progress: @Sendable (Progress) -> Void

  /// - Parameters:
  ///   - threads: at least 1; by default one for each core.
  ///   - seed: of every random choice.
  ///   - progress: called often, and from any thread.
  public init(
    threads: Int = ProcessInfo.processInfo.activeProcessorCount, seed: UInt64 = 0,
    progress: @escaping @Sendable (Progress) -> Void = { _ in }
  ) {
    self.threads = max(threads, 1)
    self.seed = seed
    self.progress = progress
  }

  /// Tells how far a step is, and ends it if its task was cancelled.
  ///
  /// - Throws: `CancellationError`.
  package func update(_ step: String, _ share: Double) throws {
    try Interruption.check()
    tell(step, share)
  }

  /// The same from any thread, where a task cannot be asked whether it was cancelled.
  package func tell(_ step: String, detail: String = "", _ share: Double) {
    progress(Progress(step: step, detail: detail, share: share))
  }
}
