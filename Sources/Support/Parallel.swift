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
    Interruption.sharing { interruption in
      DispatchQueue.concurrentPerform(iterations: workers) { _ in
        Interruption.within(interruption) {
          while true {
            let piece = next.add(1, ordering: .relaxed).oldValue
            if piece >= pieces { return }
            body(piece)
          }
        }
      }
    }
  }

  /// The values of `body` in the pieces' order.
  ///
  /// - Throws: what `body` throws of the first piece that fails. Other pieces are done all the same.
  public static func map<Element: Sendable, Failure: Error>(
    _ pieces: Int, threads: Int, _ body: @Sendable (Int) throws(Failure) -> Element
  ) throws(Failure) -> [Element] {
    let slots = Guarded<[Result<Element, Failure>?]>(Array(repeating: nil, count: pieces))
    forEach(pieces, threads: threads) { piece in
      let value = Result { () throws(Failure) in try body(piece) }
      slots.withLock { $0[piece] = value }
    }
    var values: [Element] = []
    values.reserveCapacity(pieces)
    for slot in slots.withLock({ $0 }) { values.append(try slot!.get()) }
    return values
  }
}
