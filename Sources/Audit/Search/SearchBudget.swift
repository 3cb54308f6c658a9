/// How long an audit may take.
public struct SearchBudget: Sendable {
  private let end: ContinuousClock.Instant?

  /// Thrown in the middle of a search when the time is up.
  struct Spent: Error {}

  /// - Parameter limit: from now on; nil for as long as it takes.
  public init(_ limit: Duration? = nil) {
    end = limit.map { ContinuousClock.now + $0 }
  }

  /// Whether the time is up.
  public var isSpent: Bool { end.map { ContinuousClock.now >= $0 } ?? false }

  /// - Throws: `Spent`; `CancellationError` where the task was cancelled.
  func check() throws {
    try Task.checkCancellation()
    if isSpent { throw Spent() }
  }
}
