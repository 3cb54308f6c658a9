import Dispatch
import Synchronization

/// Work shared out over threads so that the result never depends on how many there are.
///
/// Callers cut their work into pieces by its size alone, each piece writes only what is its own,
/// and reductions over pieces run afterwards, in the pieces' order.
public enum Parallel {
  /// Calls `body` once for each piece in 0..<pieces on at most `threads` threads at a time.
  /// Which thread takes which piece is not defined.
  public static func forEach(
    _ pieces: Int, threads: Int, _ body: @Sendable (Int) -> Void
  ) {
    guard pieces > 0 else { return }
    let workers = min(max(threads, 1), pieces)
    if workers == 1 {
      for piece in 0..<pieces { body(piece) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      while true {
        let piece = next.add(1, ordering: .relaxed).oldValue
        if piece >= pieces { return }
        body(piece)
      }
    }
  }

  /// The values of `body` in the pieces' order.
  public static func map<Element: Sendable>(
    _ pieces: Int, threads: Int, _ body: @Sendable (Int) -> Element
  ) -> [Element] {
    let slots = Guarded<[Element?]>(Array(repeating: nil, count: pieces))
    forEach(pieces, threads: threads) { piece in
      let value = body(piece)
      slots.withLock { $0[piece] = value }
    }
    return slots.withLock { $0.map { $0! } }
  }
}
