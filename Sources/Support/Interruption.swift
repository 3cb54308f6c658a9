/// Why long work is to end before it is done: its task was cancelled, or its time is up.
///
/// Work asks between its steps, on whichever thread it runs: threads of `Parallel` ask for the task
/// that shares its work out.
package struct Interruption: Sendable {
  /// Thrown where the time is up.
  package struct TimeIsUp: Error {}

  @TaskLocal private static var current: Interruption?

  private let end: ContinuousClock.Instant?
  /// Of the task that shares work out; its threads are no part of it.
  private let isCancelled: @Sendable () -> Bool

  /// - Throws: `CancellationError` where the task was cancelled, `TimeIsUp`.
  package static func check() throws {
    if Task.isCancelled { throw CancellationError() }
    guard let current else { return }
    if current.isCancelled() { throw CancellationError() }
    if let end = current.end, ContinuousClock.now >= end { throw TimeIsUp() }
  }

  /// Gives work its time. Work within it that has less keeps less.
  package static func until<Value>(
    _ end: ContinuousClock.Instant?, _ body: () throws -> Value
  ) rethrows -> Value {
    guard let end else { return try body() }
    let outer = current
    let never: @Sendable () -> Bool = { false }
    var own = Interruption(end: end, isCancelled: never)
    if let outer {
      own = Interruption(
        end: outer.end.map { min($0, end) } ?? end, isCancelled: outer.isCancelled)
    }
    return try $current.withValue(own, operation: body)
  }

  /// Calls `body` with what other threads are to ask for the present task, until `body` returns.
  static func sharing(_ body: (Interruption?) -> Void) {
    let outer = current
    withUnsafeCurrentTask { task in
      guard let task else { return body(outer) }
      // What is asked of it may be asked from any thread, and the task waits here meanwhile.
      nonisolated(unsafe) let asked = task
      body(
        Interruption(
          end: outer?.end, isCancelled: { asked.isCancelled || outer?.isCancelled() ?? false }))
    }
  }

  /// Work on another thread than the task's that shares it out.
  static func within(_ own: Interruption?, _ work: () -> Void) {
    guard let own else { return work() }
    $current.withValue(own, operation: work)
  }
}
