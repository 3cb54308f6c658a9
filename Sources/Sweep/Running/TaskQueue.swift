import CupelSupport
import Foundation

/// The tasks that a run has still to do, shared by the threads that wait for their processes.
final class TaskQueue: Sendable {
  private struct State {
    var reader: ManifestReader
    var running: Set<pid_t> = []
    var ended = 0
    var ending: SweepRun.Ending?
    var failure: (any Error)?

    var isStopped: Bool { ending != nil || failure != nil }
  }

  private let state: Guarded<State>
  private let todo: Int
  private let isWanted: @Sendable (ManifestReader.Entry) -> Bool

  /// - Parameters:
  ///   - todo: how many tasks are wanted, as far as that is known.
  ///   - isWanted: whether a task is to be done.
  init(
    _ reader: sending ManifestReader, todo: Int,
    isWanted: @escaping @Sendable (ManifestReader.Entry) -> Bool
  ) {
    state = Guarded(State(reader: reader))
    (self.todo, self.isWanted) = (todo, isWanted)
  }

  /// The next task that is wanted; nil at the end, and once the run is stopped.
  func next() -> ManifestReader.Entry? {
    state.withLock { state in
      do {
        while !state.isStopped, let entry = try state.reader.next() {
          if isWanted(entry) { return entry }
        }
      } catch {
        state.failure = error
      }
      return nil
    }
  }

  /// Starts a process, unless the run is stopped: then no process is left over.
  func start(_ make: () throws -> ChildProcess) throws -> ChildProcess? {
    try state.withLock { state in
      guard !state.isStopped else { return nil }
      let child = try make()
      state.running.insert(child.identifier)
      return child
    }
  }

  /// - Returns: the share of the tasks that have ended.
  func ended(_ child: ChildProcess) -> Double {
    state.withLock { state in
      state.running.remove(child.identifier)
      state.ended += 1
      return min(Double(state.ended) / Double(max(todo, 1)), 1)
    }
  }

  /// No further task is begun. Where this process is to end, those under way end first.
  func stop(_ ending: SweepRun.Ending) {
    state.withLock { state in
      state.ending = state.ending ?? ending
      guard case .interrupted(let signal) = ending else { return }
      for process in state.running { kill(process, signal) }
    }
  }

  func fail(_ error: any Error) {
    state.withLock { $0.failure = $0.failure ?? error }
  }

  /// - Throws: what kept the run from going on.
  func result() throws -> SweepRun.Ending {
    try state.withLock { state in
      if let failure = state.failure { throw failure }
      return state.ending ?? .complete
    }
  }
}

/// Takes the place of what SIGINT and SIGTERM do, for a time.
final class SignalWatch {
  private let sources: [any DispatchSourceSignal]
  private static let signals = [SIGINT, SIGTERM]

  init(_ react: @escaping @Sendable (Int32) -> Void) {
    sources = Self.signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { react(number) }
      source.resume()
      return source
    }
  }

  /// The signals do again what they do by themselves.
  func end() {
    for source in sources { source.cancel() }
    for number in Self.signals { signal(number, SIG_DFL) }
  }
}
