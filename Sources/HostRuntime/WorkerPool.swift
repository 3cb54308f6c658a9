import CupelIntegerOperators
import CupelIntegerRuntime
import CupelSupport
import Dispatch
import Foundation
import Synchronization

/// The process's one pool of threads that help others with a single piece of work.
///
/// Whoever has work invites helpers and gets on with it: helpers take pieces of it as they come,
/// and one that comes late, since the machine is busy, finds nothing left and costs nothing. Its
/// threads wait without sleeping for some tens of microseconds, as the pieces of a small network
/// take less time than waking a thread; after that they sleep. A thread that is at work is not
/// invited again, so there are never more at work than were asked for at one time.
final class WorkerPool: Sendable {
  static let shared = WorkerPool()

  private let workers = Guarded<[Worker]>([])

  /// Has up to `count` idle threads call `body` once each, at some time. It must keep whatever it
  /// touches alive, and touch nothing once no pieces are left.
  func invite(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    guard count > 0 else { return }
    workers.withLock { workers in
      while workers.count < count { workers.append(Worker()) }
      for worker in workers.prefix(count) { worker.start(body) }
    }
  }
}

/// A thread of the pool.
private final class Worker: @unchecked Sendable {
  private enum State {
    static let idle = 0
    static let ready = 1
  }

  /// Written by the inviting thread while idle, read by this one when ready.
  private var job: (() -> Void)?
  private let state = Atomic(State.idle)
  private let isAsleep = Atomic(false)
  private let alarm = DispatchSemaphore(value: 0)
  /// Rounds without work before a thread sleeps: some tens of microseconds.
  private static let patience = 2000

  init() {
    let thread = Thread { [self] in work() }
    thread.name = "cupel worker"
    thread.start()
  }

  /// Gives the thread a job if it has none. The pool's lock is held: one caller at a time.
  func start(_ body: @escaping () -> Void) {
    guard state.load(ordering: .acquiring) == State.idle else { return }
    job = body
    state.store(State.ready, ordering: .sequentiallyConsistent)
    if isAsleep.exchange(false, ordering: .sequentiallyConsistent) { alarm.signal() }
  }

  private func work() {
    while true {
      waitForJob()
      let body = job
      job = nil
      body?()
      state.store(State.idle, ordering: .releasing)
    }
  }

  private func waitForJob() {
    for _ in 0..<Self.patience {
      if state.load(ordering: .acquiring) == State.ready { return }
      spinHint()
    }
    isAsleep.store(true, ordering: .sequentiallyConsistent)
    if state.load(ordering: .sequentiallyConsistent) == State.ready,
      isAsleep.exchange(false, ordering: .sequentiallyConsistent)
    {
      return
    }
    // Either nothing has come yet, or the alarm is about to ring.
    alarm.wait()
  }
}

/// Pieces that threads take one by one, and how many of them are done.
final class Pieces: Sendable {
  private let count: Int
  private let next = Atomic(0)
  private let done = Atomic(0)

  init(_ count: Int) { self.count = count }

  /// Takes pieces until none is left.
  func work(_ body: (Int) -> Void) {
    while true {
      let piece = next.add(1, ordering: .relaxed).oldValue
      if piece >= count { return }
      body(piece)
      done.add(1, ordering: .releasing)
    }
  }

  /// Waits for those that others have taken.
  func wait() { spin(until: { done.load(ordering: .acquiring) == count }) }
}

/// Waits without sleeping, but lets others run once waiting takes long.
func spin(until isOver: () -> Bool) {
  var rounds = 0
  while !isOver() {
    rounds += 1
    if rounds % 256 == 0 { sched_yield() } else { spinHint() }
  }
}
