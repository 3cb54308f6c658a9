import CupelSupport
import Synchronization
import Testing

@Suite struct ParallelTests {
  /// More threads than pieces, as many, and fewer; and numbers that make no sense.
  @Test(arguments: [-1, 0, 1, 2, 3, 7, 64])
  func callsEachPieceOnce(threads: Int) {
    for pieces in [0, 1, 2, 7, 1000] {
      let calls = Mutex([Int](repeating: 0, count: pieces))
      Parallel.forEach(pieces, threads: threads) { piece in calls.withLock { $0[piece] += 1 } }
      #expect(calls.withLock { $0 } == [Int](repeating: 1, count: pieces))
    }
  }

  @Test(arguments: [1, 2, 3, 7])
  func mapKeepsThePiecesOrder(threads: Int) {
    for pieces in [0, 1, 5, 333] {
      let squares = Parallel.map(pieces, threads: threads) { $0 * $0 }
      #expect(squares == (0..<pieces).map { $0 * $0 })
    }
  }

  /// One thread means the caller's, in order: no race can then hide in what `body` does.
  @Test func oneThreadGoesInOrder() {
    let seen = Mutex<[Int]>([])
    Parallel.forEach(20, threads: 1) { piece in seen.withLock { $0.append(piece) } }
    #expect(seen.withLock { $0 } == Array(0..<20))
  }
}
