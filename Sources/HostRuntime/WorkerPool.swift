import Dispatch
import Foundation
import IntegerRuntime
import Synchronization

/// The process's one pool of threads that work on a single inference together.
///
/// Its threads wait for work without sleeping for some tens of microseconds, since the pieces of a
/// small network take less time than waking a thread; after that they sleep. A second caller that
/// comes while the pool is at work gets no threads but its own, so there are never more at work
/// than were asked for.
final class WorkerPool: Sendable {
  static let shared = WorkerPool()

  private let isBusy = Atomic(false)
  private let workers = Mutex<[Worker]>([])

  /// Calls `body(thread, threads)` once on each of up to `threads` threads, the caller's being
  /// thread 0, and returns when all have returned. `threads` is 1 where the pool is taken.
  func run(
    threads: Int, _ body: @escaping @Sendable (_ thread: Int, _ threads: Int) -> Void
  ) {
    guard threads > 1, !isBusy.exchange(true, ordering: .acquiring) else { return body(0, 1) }
    defer { isBusy.store(false, ordering: .releasing) }
    let helpers = workers.withLock { workers in
      while workers.count < threads - 1 { workers.append(Worker()) }
      return Array(workers.prefix(threads - 1))
    }
    let left = Counter()
    for (index, worker) in helpers.enumerated() {
      worker.start {
        body(index + 1, threads)
        left.add()
      }
    }
    body(0, threads)
    left.wait(for: helpers.count)
  }
}

/// A thread of the pool.
private final class Worker: @unchecked Sendable {
  /// Written before `tickets` goes up and read after: one job at a time.
  private var job: (() -> Void)?
  private let tickets = Atomic(0)
  private let isAsleep = Atomic(false)
  private let alarm = DispatchSemaphore(value: 0)
  /// Rounds without work before a thread sleeps: some tens of microseconds.
  private static let patience = 4000

  init() {
    let thread = Thread { [self] in work() }
    thread.name = "cupel worker"
    thread.start()
  }

  func start(_ body: @escaping () -> Void) {
    job = body
    tickets.add(1, ordering: .sequentiallyConsistent)
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { alarm.signal() }
  }

  private func work() {
    var done = 0
    while true {
      wait(after: done)
      done += 1
      let body = job
      job = nil
      body?()
    }
  }

  private func wait(after done: Int) {
    for _ in 0..<Self.patience {
      if tickets.load(ordering: .acquiring) != done { return }
      spinHint()
    }
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    if tickets.load(ordering: .sequentiallyConsistent) != done,
      isAsleep.exchange(false, ordering: .sequentiallyConsistent)
    {
      return
    }
    // Either nothing has come yet, or the alarm is about to ring.
    alarm.wait()
  }
}

/// Counts arrivals, or hands out numbers. Whoever waits does not sleep, but lets others run once waiting takes long.
final class Counter: Sendable {
  private let value = Atomic(0)

  /// - Returns: the count before.
  @discardableResult
  func add() -> Int { value.add(1, ordering: .acquiringAndReleasing).oldValue }

  func wait(for count: Int) {
    var rounds = 0
    while value.load(ordering: .acquiring) < count {
      rounds += 1
      if rounds % 1024 == 0 { sched_yield() } else { spinHint() }
    }
  }
}
